#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  fork(2) without exec
works:  files effective full shielded
hop:    child
wrong:  nothing while it works for the caller: the child is a copy of the thread, and can revert as it could
cure:   none needed; a child that outlives the call must become the user for good: behalf::spawn, run here
source: fork(2)
)")

extern "C" int operation() {
  std::fflush(stdout);  // or the child prints it again
  const pid_t child = fork();
  if (child == 0) {
    behalf_row::print_whose_notes_open();
    std::fflush(stdout);
    _exit(0);
  }
  return child < 0 ? errno : behalf_row::wait_for(child);
}

extern "C" int cured() {
  return behalf_row::run_as_caller({"/bin/cat", "/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"});
}
