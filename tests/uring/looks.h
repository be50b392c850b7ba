// What the kernel says of sockets, files and threads of this process.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "behalf/uring_request.h"
#include "child.h"

namespace behalf::testing {

// Waits for something that happens elsewhere, and gives up after a time that no healthy machine takes.
template <class Condition>
void until(Condition&& holds, const std::string& otherwise) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!holds()) {
    must(std::chrono::steady_clock::now() < end, otherwise);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

inline std::size_t open_files() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// The kernel's helpers of this process's rings, as far as they are copies of somebody else.
inline std::string iou_workers_that_are_not_root() {
  std::string others;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    if (!name.starts_with("iou-")) continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Uid:") && line != "Uid:\t0\t0\t0\t0") others += name + " is " + line + "; ";
    }
  }
  return others;
}

class Listener {
 public:
  explicit Listener(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::strncpy(address_.sun_path, path.c_str(), sizeof address_.sun_path - 1);
    must(::bind(fd_, general(), sizeof address_) == 0 && ::listen(fd_, 8) == 0, "bind and listen");
    ::chmod(path.c_str(), 0666);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] uring::Request connect(int socket) const { return uring::connect(socket, general(), sizeof address_); }

  [[nodiscard]] bool call(int socket) const { return ::connect(socket, general(), sizeof address_) == 0; }

  // Who connected, by SO_PEERCRED: the effective id.
  [[nodiscard]] uid_t peer_of_next() const {
    const int socket = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    const uid_t peer = peer_of(socket);
    ::close(socket);
    return peer;
  }
  static uid_t peer_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    must(::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, "SO_PEERCRED");
    return peer.uid;
  }

 private:
  [[nodiscard]] const sockaddr* general() const { return reinterpret_cast<const sockaddr*>(&address_); }

  sockaddr_un address_{.sun_family = AF_UNIX, .sun_path = {}};
  int fd_;
};

// Where a message is received with its sender, as the kernel noted it.
class MessageWithSender {
 public:
  MessageWithSender(char* text, std::size_t size) : piece_{text, size} {
    message_.msg_iov = &piece_;
    message_.msg_iovlen = 1;
    message_.msg_control = control_;
    message_.msg_controllen = sizeof control_;
  }
  MessageWithSender(const MessageWithSender&) = delete;
  MessageWithSender& operator=(const MessageWithSender&) = delete;

  msghdr* get() { return &message_; }

  [[nodiscard]] uid_t sender() {
    const cmsghdr* const control = CMSG_FIRSTHDR(&message_);
    must(control != nullptr && control->cmsg_type == SCM_CREDENTIALS, "no credentials");
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(control), sizeof sender);
    return sender.uid;
  }

 private:
  iovec piece_;
  msghdr message_{};
  alignas(cmsghdr) char control_[CMSG_SPACE(sizeof(ucred))] = {};
};

}  // namespace behalf::testing
