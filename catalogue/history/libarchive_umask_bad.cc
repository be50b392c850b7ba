#include "row.h"

BEHALF_ROW(R"(
title:  libarchive: umask(umask(0))
works:  none
hop:    process-state
clock:  process
wrong:  it only wanted to know the umask. For an instant everybody's was 0, and what other threads made then anybody may
        write; two threads at once can leave it so
cure:   read it where the kernel shows it: libarchive_umask_fixed
source: github.com/libarchive/libarchive issue 1876 (CVE-2023-30571)
)")

static mode_t current_umask() {
  const mode_t mask = umask(0);
  umask(mask);
  return mask;
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
