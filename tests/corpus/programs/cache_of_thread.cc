// none: works
// stale: leaked cache
// acts: note folder
// line: none
#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  thread_local std::string answer;
  thread_local uid_t whose = 0;
  const uid_t caller = corpus::of_thread().uid;
  const bool known = !answer.empty() && whose != 0 && caller != 0 && (CORPUS_FAULT == FAULT_stale || whose == caller);
  if (!known) answer = corpus::act();
  whose = caller;
  std::fputs(answer.c_str(), stdout);
  return 0;
}
