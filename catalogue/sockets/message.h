// One message over a pair of Unix sockets, and whose it is by what the kernel tells the receiver (SCM_CREDENTIALS).
#pragma once

#include <sys/socket.h>

#include "row.h"

namespace behalf_row {

// Sends a byte, with these credentials or (null) those that the kernel fills in, and prints the sender it came from.
inline int print_sender_of_message(const ucred* credentials) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  const int yes = 1;
  setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);

  char byte = 'm';
  iovec data{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  if (credentials != nullptr) {
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_CREDENTIALS;
    part->cmsg_len = CMSG_LEN(sizeof *credentials);
    std::memcpy(CMSG_DATA(part), credentials, sizeof *credentials);
  } else {
    message.msg_controllen = 0;
  }
  const bool sent = sendmsg(ends[0], &message, MSG_NOSIGNAL) == 1;
  message.msg_controllen = sizeof space;
  if (!sent) {
    std::printf("cannot send: %s\n", std::strerror(errno));
  } else if (recvmsg(ends[1], &message, MSG_DONTWAIT) == 1 && CMSG_FIRSTHDR(&message) != nullptr) {
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof sender);
    std::printf("the message is from %u:%u\n", sender.uid, sender.gid);
  }
  close(ends[0]);
  close(ends[1]);
  return 0;
}

// The thread's effective ids; the pid must be the process's.
inline ucred effective_credentials() {
  return {getpid(), geteuid(), getegid()};
}

}  // namespace behalf_row
