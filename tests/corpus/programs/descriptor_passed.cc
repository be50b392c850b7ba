// none: works
// stale: leaked descriptor
// acts: note
// line: opened
// A helper process is sent a descriptor that the caller opened (SCM_RIGHTS), which is right; the bad twin keeps the
// first.
#include <sys/socket.h>

#include <cstring>
#include <mutex>

#include "task.h"

static int ends[2];
static std::mutex one_at_a_time;

static void send_descriptor(int to, int fd) {
  char byte = '!';
  iovec bytes = {&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  corpus::must(sendmsg(to, &message, 0));
}

static int receive_descriptor(int from) {
  char byte = 0;
  iovec bytes = {&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1) _exit(0);
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

extern "C" void before() {
  corpus::must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  if (fork() != 0) return;
  for (int kept = -1;;) {
    const int fd = receive_descriptor(ends[0]);
    if (kept < 0) kept = dup(fd);
    char text[64];
    const ssize_t size = pread(CORPUS_FAULT == FAULT_stale ? kept : fd, text, sizeof text, 0);
    close(fd);
    send(ends[0], text, size > 0 ? static_cast<std::size_t>(size) : 0, 0);
  }
}

static int open_own() {
  for (const char* place : corpus::places) {
    const int fd = open((std::string(place) + "/note.txt").c_str(), O_RDONLY | O_CLOEXEC);  // <- here
    if (fd >= 0) return fd;
  }
  return -1;
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  const int fd = open_own();
  send_descriptor(ends[1], fd);
  close(fd);
  char text[64];
  const ssize_t size = recv(ends[1], text, sizeof text, 0);
  corpus::must(size);
  std::fwrite(text, 1, static_cast<std::size_t>(size), stdout);
  return 0;
}
