// One message over a pair of Unix sockets, and whose it is by what the kernel tells the receiver (SCM_CREDENTIALS).
#pragma once

#include <sys/socket.h>

#include "row.h"

namespace behalf_row {

// Takes the message that waits at a socket with SO_PASSCRED, and prints the sender that the kernel names. False: none.
inline bool print_sender_at(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  if (recvmsg(socket, &message, MSG_DONTWAIT) != 1 || CMSG_FIRSTHDR(&message) == nullptr) return false;
  ucred sender{};
  std::memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof sender);
  std::printf("the message is from %u:%u\n", sender.uid, sender.gid);
  return true;
}

// Sends a byte to the other end of a socket, or to its address, with these credentials or (null) those that the kernel
// fills in. False: errno says why not.
inline bool send_message(int socket, const ucred* credentials, sockaddr* to = nullptr, socklen_t size = 0) {
  char byte = 'm';
  iovec data{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr message{};
  message.msg_name = to;
  message.msg_namelen = size;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (credentials != nullptr) {
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_CREDENTIALS;
    part->cmsg_len = CMSG_LEN(sizeof *credentials);
    std::memcpy(CMSG_DATA(part), credentials, sizeof *credentials);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

// Sends a byte over a pair of sockets, with these credentials or (null) those that the kernel fills in, and prints the
// sender it came from.
inline int print_sender_of_message(const ucred* credentials) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  const int yes = 1;
  setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  if (send_message(ends[0], credentials))
    print_sender_at(ends[1]);
  else
    std::printf("cannot send: %s\n", std::strerror(errno));
  close(ends[0]);
  close(ends[1]);
  return 0;
}

// The thread's effective ids; the pid must be the process's.
inline ucred effective_credentials() {
  return {getpid(), geteuid(), getegid()};
}

}  // namespace behalf_row
