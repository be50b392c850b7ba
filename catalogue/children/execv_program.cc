#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  fork(2) and execv(3)
works:  full
hop:    child
clock:  real-id
wrong:  a new program keeps the real ids and gets the effective ones as saved ids: it starts as the service (`files`),
        can become it again (`effective`), or is half the spare account (`shielded`)
cure:   behalf::spawn, or behalf::system, which waits: the program is all of the user, whatever the thread wears
source: execve(2), credentials(7)
)")

extern "C" int operation() {
  const pid_t child = fork();
  if (child == 0) {
    execv(behalf_row::id_program[0], behalf_row::id_program);
    _exit(127);
  }
  return child < 0 ? errno : behalf_row::wait_for(child);
}

extern "C" int cured() {
  return behalf_row::run_as_caller({"/usr/bin/id"});
}
