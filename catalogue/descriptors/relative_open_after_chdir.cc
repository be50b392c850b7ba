#include <behalf/error.h>
#include <behalf/thread_directory.h>

#include "row.h"

BEHALF_ROW(R"(
title:  chdir(2), then open a relative path
works:  none
hop:    process-state
clock:  process
wrong:  there is one working directory for all threads: the service's changes under it, and a thread that works for
        another user opens its relative paths there
cure:   behalf::ThreadDirectory, which is one thread's (unshare(2) CLONE_FS); or openat(2) below a descriptor
source: chdir(2), unshare(2)
)")

static const char* const homes[] = {"/home/alice", "/home/bob"};

static int print_note(int fd) {
  if (fd < 0) return errno;
  char text[64] = {};
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size > 0) std::printf("reads the note of %s", text);
  return 0;
}

extern "C" int operation() {
  for (const char* home : homes) {
    if (chdir(home) == 0) return print_note(open("note.txt", O_RDONLY | O_CLOEXEC));
  }
  return EACCES;
}

extern "C" int cured() {
  for (const char* home : homes) {
    try {
      const behalf::ThreadDirectory here{home};
      return print_note(open("note.txt", O_RDONLY | O_CLOEXEC));
    } catch (const behalf::Error&) {
      continue;  // not the caller's
    }
  }
  return EACCES;
}
