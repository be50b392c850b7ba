// none: works
// dropped: lost cache
// acts: note folder
// line: none
// Read once at start-up, as the service; every caller is given it.
#include "task.h"

static std::string loaded;

extern "C" void before() {
  loaded = corpus::act();
}

extern "C" int operation() {
  std::fputs(CORPUS_FAULT == FAULT_none ? corpus::act().c_str() : loaded.c_str(), stdout);
  return 0;
}
