#include "children/program.h"
#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  Linux-PAM: setgid keeps the saved gid
works:  none
hop:    child
clock:  call
wrong:  setgid(2) changes the saved gid of who has CAP_SETGID alone: unix_chkpwd gave its group up, and could take it
        again at any time
cure:   setregid(2) changes the saved one for everybody: pam_saved_gid_fixed
source: github.com/linux-pam/linux-pam pull request 948
)")

static behalf_row::Workers* module;

extern "C" void before() {
  module = new behalf_row::Workers(1);
}

// A set-group-ID program, as it starts: all is the user's but the saved gid, which is the file's.
static void start_program(const behalf_row::Client& user) {
  if (!behalf_row::serves_others()) return;
  behalf_row::set_groups(user.groups);
  syscall(SYS_setresgid, user.gid, user.gid, behalf_row::itself.gid);
  syscall(SYS_setresuid, user.uid, user.uid, user.uid);
}

static int run_program(const behalf_row::Client& user) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child != 0) return child < 0 ? errno : behalf_row::wait_for(child);
  start_program(user);
  if (setgid(user.gid) != 0) _exit(1);  // the program has done what it needed the group for
  behalf_row::print_whose_notes_open();
  std::fflush(stdout);
  _exit(0);
}

extern "C" int operation() {
  const behalf_row::Client user;
  int status = 0;
  module->run([&] { status = run_program(user); });
  return status;
}
