#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  passwd -S, a set-user-ID program
works:  full
hop:    child
clock:  real-id
wrong:  a set-user-ID program asks its real uid who called it, and that is the service (`files`, `effective`) or the spare
        account (`shielded`)
cure:   behalf::spawn: setresgid and setresuid to the user, all three ids, between fork and exec
source: execve(2), passwd(1)
)")

static char* const account_status[] = {const_cast<char*>("/usr/bin/passwd"), const_cast<char*>("-S"), nullptr};

extern "C" int operation() {
  const pid_t child = fork();
  if (child == 0) {
    execv(account_status[0], account_status);
    _exit(127);
  }
  return child < 0 ? errno : behalf_row::wait_for(child);
}

extern "C" int cured() {
  return behalf_row::run_as_caller(account_status);
}
