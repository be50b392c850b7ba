// none: works
// dropped: lost call
// acts: note create folder
// line: none
// In the caller's own thread: a helper that takes the service's identity back "to be allowed to".
#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  const corpus::Identity caller = corpus::of_thread();
  const bool regains = CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0;
  if (regains) corpus::wear_again(corpus::service);
  const std::string answer = corpus::act();
  if (regains) corpus::wear(caller, true);
  std::fputs(answer.c_str(), stdout);
  return 0;
}
