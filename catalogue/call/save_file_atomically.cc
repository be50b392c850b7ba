#include <atomic>
#include <cstdlib>

#include "row.h"

BEHALF_ROW(R"(
title:  save a file: write, fsync(2), rename(2)
works:  files effective full shielded
hop:    call
wrong:  nothing: each step is a path operation of the same thread
cure:   none needed
source: measured by this row
)")

extern "C" int operation() {
  static std::atomic<int> calls = 0;
  const std::string path = "/srv/inbox/saved." + std::to_string(getpid()) + '.' + std::to_string(calls++);
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return errno;
  const bool written = write(fd, "saved\n", 6) == 6 && fsync(fd) == 0;
  close(fd);
  if (!written || rename(temporary.c_str(), path.c_str()) != 0) return errno;
  struct stat status {};
  stat(path.c_str(), &status);
  unlink(path.c_str());
  std::printf("the saved file belongs to %u:%u, mode %o\n", status.st_uid, status.st_gid, status.st_mode & 07777U);
  return 0;
}
