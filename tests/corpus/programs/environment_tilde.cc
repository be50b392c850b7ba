// none: works
// dropped: lost environment
// acts: note
// line: none
#include <pwd.h>
#include <wordexp.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
#if CORPUS_FAULT == FAULT_none
  passwd entry{};
  passwd* found = nullptr;
  char buffer[1024];
  getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found);
  const std::string place = found != nullptr ? found->pw_dir : "";
#else
  wordexp_t words{};
  if (wordexp("~", &words, WRDE_NOCMD) != 0) return 1;
  const std::string place = words.we_wordv[0];
  wordfree(&words);
#endif
  std::printf("looks in %s\n", place.c_str());
  return 0;
}
