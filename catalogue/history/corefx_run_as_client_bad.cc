#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  corefx: RunAsClient by seteuid
works:  none
hop:    broadcast
clock:  process
wrong:  seteuid(2) of the C library makes every thread of the process the client, and then makes every thread root:
        other clients' work among them
cure:   the kernel's own call concerns one thread: corefx_run_as_client_fixed
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
    if (behalf_row::serves_others() && seteuid(client.uid) != 0) return;
    behalf_row::print_whose_notes_open();
    if (behalf_row::serves_others() && seteuid(behalf_row::itself.uid) != 0) return;
    behalf_row::set_group(behalf_row::itself.gid);
    behalf_row::set_groups(behalf_row::itself.groups);
  });
  return 0;
}
