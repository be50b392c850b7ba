#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  passwd -S, a set-user-ID program
works:  full
hop:    child
clock:  real-id
wrong:  a set-user-ID program asks its real uid who called it, and that is the service (`files`, `effective`) or the spare
        account (`shielded`)
cure:   behalf::spawn or behalf::system, which waits: the program's real uid is the user's; with
        BoundingSet::of_service where it is to have its powers
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
  if (!behalf::worn()) return behalf_row::run_as_caller({"/usr/bin/passwd", "-S"});
  behalf::SpawnOptions options;
  options.output = behalf::Stream::of(STDOUT_FILENO);
  // Without it, such a program is root by its ids alone and has no capability.
  options.bounding_set = behalf::BoundingSet::of_service;
  return behalf::system({"/usr/bin/passwd", "-S"}, options).code;
}
