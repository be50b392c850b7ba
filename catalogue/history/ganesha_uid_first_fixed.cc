#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  nfs-ganesha: the uid last
works:  files effective full shielded
hop:    queue
wrong:  nothing: groups and gid are set while the thread may
cure:   none needed; behalf::Impersonation does so, and reads all of it back
source: github.com/nfs-ganesha/nfs-ganesha, commit 183e0440d; Slurm commit c7e6d864de
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    if (!behalf_row::set_groups(client.groups)) return;
    if (!behalf_row::set_group(client.gid)) return;
    if (!behalf_row::set_user(client.uid)) return;
    behalf_row::print_whose_notes_open();
    behalf_row::become_itself();
  });
  return 0;
}
