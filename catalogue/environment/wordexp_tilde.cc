#include <behalf/environment.h>
#include <wordexp.h>

#include "row.h"

BEHALF_ROW(R"(
title:  wordexp(3) or glob(3) of ~
works:  none
hop:    environment
clock:  process
wrong:  ~ is $HOME, the service's; without $HOME it is the home of the real uid
cure:   behalf::expand, which knows ~ and $NAME of the user
source: wordexp(3)
)")

extern "C" int operation() {
  wordexp_t words{};
  const int failed = wordexp("~/note.txt", &words, WRDE_NOCMD);
  if (failed == 0 && words.we_wordc == 1) std::printf("the note is %s\n", words.we_wordv[0]);
  wordfree(&words);
  return failed;
}

extern "C" int cured() {
  std::printf("the note is %s\n", behalf::expand("~/note.txt").c_str());
  return 0;
}
