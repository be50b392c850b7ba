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
cure:   behalf::system, of the program itself, or of a shell by its name: all ids are the user's before it starts
source: dash(1) -p; system(3) "Caveats"
)")

extern "C" int operation() {
  return std::system("id -u");
}

extern "C" int cured() {
  return behalf_row::run_as_caller({"/bin/sh", "-c", "id -u"});
}
