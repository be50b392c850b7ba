// Connects and binds to addresses of every kind.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>

#include "trap.h"

namespace {
void local(const char* path, std::size_t size, bool abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + (abstract ? 1 : 0), path, size);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  connect(fd, reinterpret_cast<sockaddr*>(&address),
          static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (abstract ? 1 : 0)));
}
}  // namespace

int main() {
  trap::must(chdir("/usr") == 0, "chdir");
  local("/trap/socket", 12, false);
  local("trap-relative", 13, false);
  local("trap-abstract", 13, true);
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(9);
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  connect(fd, reinterpret_cast<sockaddr*>(&four), sizeof four);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(9);
  six.sin6_addr = in6addr_loopback;
  fd = socket(AF_INET6, SOCK_STREAM, 0);
  connect(fd, reinterpret_cast<sockaddr*>(&six), sizeof six);
  four.sin_port = 0;
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  trap::must(bind(fd, reinterpret_cast<sockaddr*>(&four), sizeof four) == 0, "bind");
  sockaddr_un unnamed{};
  unnamed.sun_family = AF_UNIX;
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  trap::must(bind(fd, reinterpret_cast<sockaddr*>(&unnamed), sizeof(sa_family_t)) == 0, "bind without a name");
}
