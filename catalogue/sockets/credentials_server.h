// A server on a Unix socket, threads of the service's, who asks the kernel who has connected: it answers each byte with
// her uid and gid, or does with the connection what it is told.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "row.h"

namespace behalf_row {

class CredentialsServer {
 public:
  using Serve = std::function<void(int fd, const ucred& peer)>;

  explicit CredentialsServer(Serve serve = answer_each_byte) : serve_(std::move(serve)) {
    address_.sun_family = AF_UNIX;
    path().copy(&address_.sun_path[0], sizeof address_.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0 ||
        chmod(path().c_str(), 0777) != 0 || listen(listener_, 64) != 0) {
      throw std::system_error(errno, std::generic_category(), "a server on " + path());
    }
    std::thread(&CredentialsServer::accept_all, this).detach();
  }

  // Where its socket is; everybody may connect.
  static std::string path() { return "/tmp/server." + std::to_string(getpid()); }

  // A connection, or -1.
  int connect() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0) return fd;
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
        std::thread(&CredentialsServer::serve, this, fd).detach();
      }
    }
  }

  void serve(int fd) const {
    ucred peer{};
    socklen_t size = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    serve_(fd, peer);
  }

  static void answer_each_byte(int fd, const ucred& peer) {
    for (char question = 0; recv(fd, &question, 1, 0) == 1;) send(fd, &peer, sizeof peer, MSG_NOSIGNAL);
    close(fd);
  }

  Serve serve_;

  sockaddr_un address_{};
  int listener_ = -1;
};

}  // namespace behalf_row
