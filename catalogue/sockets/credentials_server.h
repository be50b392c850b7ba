// A server on a Unix socket, a thread of the service's: it answers each byte with the uid and gid of who connected.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>
#include <system_error>
#include <thread>

#include "row.h"

namespace behalf_row {

class CredentialsServer {
 public:
  // The socket has a name that is no file; everybody may connect.
  CredentialsServer() {
    address_.sun_family = AF_UNIX;
    const std::string name = "behalf." + std::to_string(getpid());
    name.copy(&address_.sun_path[1], sizeof address_.sun_path - 1);
    length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address_), length_) != 0 || listen(listener_, 64) != 0) {
      throw std::system_error(errno, std::generic_category(), "a server on " + name);
    }
    std::thread(&CredentialsServer::accept_all, this).detach();
  }

  // A connection, or -1.
  int connect() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address_), length_) == 0) return fd;
    close(fd);
    return -1;
  }

  // Asks on that connection who has connected it, and prints the answer.
  static int print_who_is_connected(int fd) {
    ucred peer{};
    if (send(fd, "?", 1, MSG_NOSIGNAL) != 1 || recv(fd, &peer, sizeof peer, MSG_WAITALL) != sizeof peer) return errno;
    std::printf("the server serves %u:%u\n", peer.uid, peer.gid);
    return 0;
  }

 private:
  [[noreturn]] void accept_all() const {
    for (;;) {
      if (const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); fd >= 0) {
        std::thread(serve, fd).detach();
      }
    }
  }

  static void serve(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    for (char question = 0; recv(fd, &question, 1, 0) == 1;) send(fd, &peer, sizeof peer, MSG_NOSIGNAL);
    close(fd);
  }

  sockaddr_un address_{};
  socklen_t length_ = 0;
  int listener_ = -1;
};

}  // namespace behalf_row
