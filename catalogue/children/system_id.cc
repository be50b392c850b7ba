#include <cstdlib>

#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  system(3)
works:  full
hop:    child
clock:  real-id
wrong:  a shell that finds its effective uid to be another than its real one goes back to the real one: the command runs
        as the service, with all its powers (`files`, `effective`), or as the spare account (`shielded`)
cure:   behalf::spawn of sh -c: all three ids are the user's before the shell starts
source: dash(1) -p; system(3) "Caveats"
)")

extern "C" int operation() {
  return std::system("id -u");
}

extern "C" int cured() {
  char* const shell[] = {const_cast<char*>("/bin/sh"), const_cast<char*>("-c"), const_cast<char*>("id -u"), nullptr};
  return behalf_row::run_as_caller(shell);
}
