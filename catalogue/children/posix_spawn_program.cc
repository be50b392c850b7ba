#include <spawn.h>

#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  posix_spawn(3)
works:  full
hop:    child
clock:  real-id
wrong:  a new program keeps the real ids, and POSIX_SPAWN_RESETIDS even makes them the effective ones: it starts as the
        service (`files`), can become it again (`effective`), or is half the spare account (`shielded`)
cure:   behalf::spawn, or behalf::system, which waits; posix_spawn has no attribute that sets all three ids to the user's
source: posix_spawn(3)
)")

extern "C" int operation() {
  char* const environment[] = {nullptr};
  pid_t child = 0;
  if (const int failed =
          posix_spawn(&child, behalf_row::id_program[0], nullptr, nullptr, behalf_row::id_program, environment)) {
    return failed;
  }
  return behalf_row::wait_for(child);
}

extern "C" int cured() {
  return behalf_row::run_as_caller({"/usr/bin/id"});
}
