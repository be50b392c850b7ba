// none: works
// dropped: altered process-state
// acts: create
// line: none
// "So that one user cannot take all descriptors": for the whole process.
#include <sys/resource.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  if (CORPUS_FAULT == FAULT_dropped) {
    rlimit limit{};
    corpus::must(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = 200;
    corpus::must(setrlimit(RLIMIT_NOFILE, &limit));
  }
  std::fputs(corpus::act().c_str(), stdout);
  return 0;
}
