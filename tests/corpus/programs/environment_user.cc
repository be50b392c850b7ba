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
  const char* const name = found != nullptr ? found->pw_name : nullptr;
#else
  const char* const name = std::getenv("USER");
#endif
  std::printf("written by %s\n", name != nullptr ? name : "nobody");
  return 0;
}
