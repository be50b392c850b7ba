#include "row.h"

BEHALF_ROW(R"(
title:  open(2) /proc/self/environ
works:  none
hop:    process-state
clock:  process
wrong:  the first switch of ids makes the process non-dumpable: root owns its /proc files from then on, and the user's
        thread is refused what every process may read of itself
cure:   getenv(3) or a copy made at start-up; PR_SET_DUMPABLE is no cure, it opens the service to the user
source: prctl(2) PR_SET_DUMPABLE; proc(5)
)")

// /proc/self/auxv is judged alike, and says nothing of the caller's environment.
extern "C" int operation() {
  for (const char* file : {"/proc/self/environ", "/proc/self/auxv"}) {
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    std::printf("%s: %s\n", file, fd < 0 ? std::strerror(errno) : "opens");
    if (fd >= 0) close(fd);
  }
  return 0;
}
