#include "children/program.h"
#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  OpenSSH: a helper with sshd's groups
works:  none
hop:    child
clock:  call
wrong:  the helper that fetches a user's keys was given her uid and gid, and kept the supplementary groups that sshd was
        started with
cure:   setgroups(2) before setresgid(2) and setresuid(2): openssh_helper_groups_fixed
source: CVE-2021-41617 (OpenSSH 8.8)
)")

static behalf_row::Workers* sshd;

extern "C" void before() {
  sshd = new behalf_row::Workers(1);
}

// Starts the helper with its own ids, for good.
static int run_helper(const behalf_row::Client& user) {
  const pid_t child = fork();
  if (child != 0) return child < 0 ? errno : behalf_row::wait_for(child);
  if (behalf_row::serves_others()) {
    if (syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) _exit(1);
    if (syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) _exit(1);
  }
  execv(behalf_row::id_program[0], behalf_row::id_program);
  _exit(127);
}

extern "C" int operation() {
  const behalf_row::Client user;
  int status = 0;
  sshd->run([&] { status = run_helper(user); });
  return status;
}
