// none: works
// dropped: altered process-state
// acts: create
// line: none
// Putting it back is not enough: another thread's file may fall in between, and two that do it at once leave the wrong
// one. The good twin gives the thread a mask of its own first.
#include <sched.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  if (CORPUS_FAULT == FAULT_none) corpus::must(unshare(CLONE_FS));
  umask(077);
  std::fputs(corpus::act().c_str(), stdout);
  return 0;
}
