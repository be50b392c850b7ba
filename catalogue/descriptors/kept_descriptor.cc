#include <mutex>

#include "row.h"

BEHALF_ROW(R"(
title:  a descriptor kept from call to call
works:  none
hop:    descriptor
clock:  open
wrong:  a file is checked when it is opened, never when it is read: whoever holds the descriptor reads as the one who
        opened it
cure:   open in the call; or behalf::bound<T>, which checks who uses it
source: open(2)
)")

static int open_note() {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    if (const int fd = open(note, O_RDONLY | O_CLOEXEC); fd >= 0) return fd;
  }
  return -1;
}

static int print_note(int fd) {
  char text[64] = {};
  if (pread(fd, text, sizeof text - 1, 0) < 0) return errno;
  std::printf("reads the note of %s", text);
  return 0;
}

extern "C" int operation() {
  static const int note = open_note();
  return print_note(note);
}

extern "C" int cured() {
  const int note = open_note();
  const int failed = print_note(note);
  close(note);
  return failed;
}
