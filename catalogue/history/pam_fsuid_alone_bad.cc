#include <sys/fsuid.h>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  Linux-PAM: setfsuid(2) alone
works:  none
hop:    queue
clock:  creator
wrong:  pam_env and pam_mail read the user's file with her file-system uid and with root's group and groups: what these
        may read was read for her
cure:   groups, fsgid and fsuid, in this order: pam_fsuid_alone_fixed
source: CVE-2010-3430, Linux-PAM commit 0b1055f6
)")

static behalf_row::Workers* module;

extern "C" void before() {
  module = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client user;
  module->run([&] {
    if (behalf_row::serves_others()) setfsuid(user.uid);
    behalf_row::print_whose_notes_open();
    if (behalf_row::serves_others()) setfsuid(0);
  });
  return 0;
}
