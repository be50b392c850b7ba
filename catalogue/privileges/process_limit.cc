#include <sys/resource.h>
#include <sys/wait.h>

#include "row.h"

BEHALF_ROW(R"(
title:  a limit of processes (RLIMIT_NPROC)
works:  full shielded
hop:    real-id
clock:  real-id
wrong:  processes are counted on the real uid, and the machine's root is exempt: a user whose limit is reached still gets
        new ones where the thread keeps the service's real uid
cure:   the posture `full` or `shielded`, which change the real uid
source: getrlimit(2)
needs-root: the root of a user namespace is not exempt
)")

// In a child, since a limit is the whole process's: one that may have no other process makes one.
extern "C" int operation() {
  const pid_t child = fork();
  if (child == 0) {
    rlimit limit{};
    getrlimit(RLIMIT_NPROC, &limit);
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_NPROC, &limit) != 0) _exit(errno);
    const pid_t another = fork();
    if (another == 0) _exit(0);
    const int error = errno;
    if (another > 0) waitpid(another, nullptr, 0);
    _exit(another < 0 ? error : 0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  const int error = WEXITSTATUS(status);
  std::printf("a process too many: %s\n", error == 0 ? "made all the same" : std::strerror(error));
  return 0;
}
