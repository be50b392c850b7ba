#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  corefx: RunAsClient by a raw call
works:  files effective full shielded
hop:    queue
wrong:  nothing: the other threads stay who they are
cure:   none needed; behalf::run_as
source: github.com/dotnet/corefx issue 26309; XRootD issue 67
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    behalf_row::set_groups(client.groups);
    behalf_row::set_group(client.gid);
    if (!behalf_row::set_user(client.uid)) return;
    behalf_row::print_whose_notes_open();
    if (!behalf_row::set_user(behalf_row::itself.uid)) return;
    behalf_row::set_group(behalf_row::itself.gid);
    behalf_row::set_groups(behalf_row::itself.groups);
  });
  return 0;
}
