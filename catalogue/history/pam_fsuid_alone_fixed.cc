#include <sys/fsuid.h>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  Linux-PAM: groups, setfsgid, setfsuid
works:  files effective full shielded
hop:    queue
wrong:  nothing: all three that decide about files are the user's
cure:   none needed; behalf::Impersonation sets all and reads them back
source: CVE-2010-3430, Linux-PAM commit 0b1055f6
)")

static behalf_row::Workers* module;

extern "C" void before() {
  module = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client user;
  module->run([&] {
    behalf_row::set_groups(user.groups);
    if (behalf_row::serves_others()) setfsgid(user.gid), setfsuid(user.uid);
    behalf_row::print_whose_notes_open();
    if (behalf_row::serves_others()) setfsuid(0), setfsgid(0);
    behalf_row::set_groups(behalf_row::itself.groups);
  });
  return 0;
}
