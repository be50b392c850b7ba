#include <sys/socket.h>

#include <mutex>

#include "row.h"

BEHALF_ROW(R"(
title:  a request to a helper process
works:  none
hop:    message
clock:  creator
wrong:  identity does not go with a message: the helper is the service, and opens for each user what the service may
cure:   open in the call and send the descriptor (SCM_RIGHTS); or let the helper read the sender from the message
        (SCM_CREDENTIALS) and impersonate it: behalf::Mailbox
source: credentials(7); unix(7) "Ancillary messages"
)")

namespace {

int to_helper = -1;
std::mutex helper_in_use;  // one request, one answer

struct Request {
  bool open_notes;
};

struct Message {
  Request request;
  iovec part;
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))];
  msghdr header;

  Message() : request(), part{&request, sizeof request}, space(), header() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
  }
};

void answer_note_in(int socket, int fd) {
  char text[64] = {};
  const ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text);
  if (fd >= 0) close(fd);
  send(socket, text, size > 0 ? static_cast<std::size_t>(size) : 1, MSG_NOSIGNAL);
}

// Reads the first note that opens, or the one that comes as a descriptor, and answers with what stands in it.
[[noreturn]] void be_the_helper(int socket) {
  for (;;) {
    Message message;
    message.header.msg_control = message.space;
    message.header.msg_controllen = sizeof message.space;
    if (recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC) <= 0) _exit(0);
    int fd = -1;
    if (message.request.open_notes) {
      for (const char* note : {"/root/note.txt", "/home/alice/note.txt", "/home/bob/note.txt"}) {
        if (fd < 0) fd = open(note, O_RDONLY | O_CLOEXEC);
      }
    } else if (const cmsghdr* rights = CMSG_FIRSTHDR(&message.header)) {
      std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    }
    answer_note_in(socket, fd);
  }
}

int ask(Message& message) {
  const std::lock_guard lock(helper_in_use);
  char answer[64] = {};
  if (sendmsg(to_helper, &message.header, MSG_NOSIGNAL) < 0) return errno;
  if (recv(to_helper, answer, sizeof answer - 1, 0) <= 0) return errno;
  std::printf("the helper reads the note of %s", answer);
  return 0;
}

}  // namespace

extern "C" void before() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  if (fork() == 0) {
    close(ends[0]);
    be_the_helper(ends[1]);
  }
  close(ends[1]);
  to_helper = ends[0];
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  Message message;
  message.request.open_notes = true;
  return ask(message);
}

extern "C" int cured() {
  int fd = -1;
  for (const char* note : {"/root/note.txt", "/home/alice/note.txt", "/home/bob/note.txt"}) {
    if (fd < 0) fd = open(note, O_RDONLY | O_CLOEXEC);
  }
  if (fd < 0) return errno;
  Message message;
  message.header.msg_control = message.space;
  message.header.msg_controllen = sizeof message.space;
  cmsghdr* const rights = CMSG_FIRSTHDR(&message.header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  const int failed = ask(message);
  close(fd);
  return failed;
}
