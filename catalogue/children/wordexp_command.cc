#include <wordexp.h>

#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  wordexp(3) of $(command)
works:  full
hop:    child
clock:  real-id
wrong:  the command is run by a shell, which goes back to its real uid: it runs as the service, with all its powers
        (`files`, `effective`), or as the spare account (`shielded`)
cure:   WRDE_NOCMD or behalf::expand, and behalf::system or behalf::Popen for what is to be run
source: wordexp(3)
)")

extern "C" int operation() {
  wordexp_t words{};
  const int failed = wordexp("$(id -u)", &words, 0);
  if (failed == 0 && words.we_wordc == 1) std::printf("the command is %s\n", words.we_wordv[0]);
  wordfree(&words);
  return failed;
}

extern "C" int cured() {
  return behalf_row::print_line_from_shell_as_caller("id -u");
}
