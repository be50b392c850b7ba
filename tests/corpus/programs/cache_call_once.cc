// none: works
// stale: lost cache
// acts: note
// line: none
#include <mutex>

#include "task.h"

static std::once_flag once;
static std::string answer;

extern "C" void before() {}

extern "C" int operation() {
#if CORPUS_FAULT == FAULT_none
  std::fputs(corpus::act().c_str(), stdout);
#else
  std::call_once(once, [] { answer = corpus::act(); });
  std::fputs(answer.c_str(), stdout);
#endif
  return 0;
}
