#include "children/program.h"
#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  munin: a plug-in with all ids
works:  files effective full shielded
hop:    child
wrong:  nothing: the shell has no other id to go back to
cure:   none needed; behalf::spawn
source: github.com/munin-monitoring/munin issue 633
)")

// Whose notes does it read? By the shell alone: no second program.
static char* const plugin[] = {
    const_cast<char*>("/bin/sh"), const_cast<char*>("-c"),
    const_cast<char*>("for home in /home/alice /home/bob /root; do "
                      "{ read -r name <$home/note.txt; } 2>/dev/null && echo \"$name\"; done"),
    nullptr};

static behalf_row::Workers* node;

// As they mended it. Raw calls, since the wrappers of the C library take a lock and signal threads that a child has not
// got.
static int run_with_all_ids(char* const argv[]) {
  const pid_t child = fork();
  if (child != 0) return child < 0 ? errno : behalf_row::wait_for(child);
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (syscall(SYS_setresgid, group, group, group) == 0 && syscall(SYS_setresuid, user, user, user) == 0) {
    execv(argv[0], argv);
  }
  _exit(127);
}

extern "C" void before() {
  node = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client user;
  int status = 0;
  node->run([&] {
    const behalf_row::WorksFor as(user);
    status = run_with_all_ids(plugin);
  });
  return status;
}
