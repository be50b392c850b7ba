// none: works
// dropped: broadcast broadcast
// acts: note
// line: none
// glibc's seteuid is process-wide: every thread of the service changes.
#include <sys/types.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  std::fputs(corpus::act().c_str(), stdout);
  const uid_t own = geteuid();
  const int failed =
      CORPUS_FAULT == FAULT_dropped ? seteuid(own) : static_cast<int>(syscall(SYS_setresuid, -1, own, -1));
  return failed;
}
