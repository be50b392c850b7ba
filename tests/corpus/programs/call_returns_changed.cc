// none: works
// kept: lingering call
// acts: note create
// line: none
// An early return leaves the thread as it was only on the good path.
#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  const corpus::Identity caller = corpus::of_thread();
  std::fputs(corpus::act().c_str(), stdout);
  if (CORPUS_FAULT == FAULT_kept && caller.uid != 0 && caller.saved_uid == 0) corpus::wear_again(corpus::service);
  return 0;
}
