#include <atomic>

#include "row.h"

BEHALF_ROW(R"(
title:  create a file
works:  files effective full shielded
hop:    call
wrong:  nothing: a new file belongs to the file system ids of the thread that creates it
cure:   none needed
source: measured by this row
)")

extern "C" int operation() {
  // A name of its own for each call: two callers may be at work at once.
  static std::atomic<int> calls = 0;
  const std::string path = "/srv/inbox/report." + std::to_string(getpid()) + '.' + std::to_string(calls++);
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0640);
  if (fd < 0) return errno;
  struct stat status {};
  fstat(fd, &status);
  close(fd);
  unlink(path.c_str());
  std::printf("the new file belongs to %u:%u\n", status.st_uid, status.st_gid);
  return 0;
}
