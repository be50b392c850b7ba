#include <fstream>

#include "row.h"

BEHALF_ROW(R"(
title:  libarchive: umask read from /proc
works:  files effective full shielded
hop:    process-state
wrong:  nothing: the umask is looked at, and not set
cure:   none needed
source: github.com/libarchive/libarchive issue 1876 (CVE-2023-30571)
)")

static mode_t current_umask() {
  std::ifstream status("/proc/thread-self/status");
  for (std::string key; status >> key;) {
    unsigned mask = 0;
    if (key == "Umask:" && status >> std::oct >> mask) return mask;
  }
  return 0077;
}

extern "C" int operation() {
  const mode_t mask = current_umask();
  const int fd = open("/srv/inbox", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  fchmod(fd, 0666 & ~mask);
  struct stat status {};
  fstat(fd, &status);
  close(fd);
  std::printf("the new file belongs to %u:%u, mode %o\n", status.st_uid, status.st_gid, status.st_mode & 07777U);
  return 0;
}
