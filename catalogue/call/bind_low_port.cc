#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "row.h"

BEHALF_ROW(R"(
title:  bind(2) a port below 1024
works:  effective full shielded
hop:    call
clock:  call
wrong:  changing the file system uid drops the capabilities over files and no other: CAP_NET_BIND_SERVICE stays
cure:   a posture that changes the effective uid, which empties the effective capabilities
source: capabilities(7) "Effect of user ID changes on capabilities"
)")

extern "C" int operation() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;  // several callers may hold the port at once, as none listens
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(81);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int refused = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  std::printf("port 81: %s\n", refused == 0 ? "bound" : std::strerror(refused));
  close(fd);
  return 0;
}
