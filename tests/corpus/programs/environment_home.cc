// none: works
// dropped: lost environment
// acts: note
// line: none
#include <pwd.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
#if CORPUS_FAULT == FAULT_none
  passwd entry{};
  passwd* found = nullptr;
  char buffer[1024];
  getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found);
  std::printf("home is %s\n", found != nullptr ? found->pw_dir : "unknown");
#else
  const char* const home = std::getenv("HOME");
  std::printf("home is %s\n", home != nullptr ? home : "unknown");
#endif
  return 0;
}
