#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  nfs-ganesha: the uid first
works:  none
hop:    queue
clock:  creator
wrong:  once the uid is the user's the kernel refuses to change the gid and the groups, and nobody looked: the user
        worked with root's
cure:   groups, gid, uid, and look at each: ganesha_uid_first_fixed
source: github.com/nfs-ganesha/nfs-ganesha, commit 183e0440d; Slurm commit c7e6d864de
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    behalf_row::set_user(client.uid);
    behalf_row::set_group(client.gid);
    behalf_row::set_groups(client.groups);
    behalf_row::print_whose_notes_open();
    behalf_row::become_itself();
  });
  return 0;
}
