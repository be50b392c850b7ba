#include <behalf/thread_directory.h>

#include "row.h"

BEHALF_ROW(R"(
title:  umask(2), then create a file
works:  none
hop:    process-state
clock:  process
wrong:  there is one umask for all threads: what other users, and the service, create from then on has this one
cure:   behalf::ThreadUmask, which is one thread's (unshare(2) CLONE_FS); or give the mode to open(2)
source: umask(2), unshare(2)
)")

static int print_mode_of_new_file(mode_t mode) {
  const int fd = open("/srv/inbox", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
  if (fd < 0) return errno;
  struct stat status {};
  fstat(fd, &status);
  close(fd);
  std::printf("the new file belongs to %u:%u, mode %o\n", status.st_uid, status.st_gid, status.st_mode & 07777U);
  return 0;
}

extern "C" int operation() {
  umask(0077);
  return print_mode_of_new_file(0666);
}

extern "C" int cured() {
  const behalf::ThreadUmask own{0077};
  return print_mode_of_new_file(0666);
}
