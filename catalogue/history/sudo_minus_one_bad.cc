#include "history/client.h"
#include "history/directory.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  sudo: the user id -1
works:  none
hop:    queue
clock:  creator
wrong:  to setresuid(2) the id -1 means `leave it`: who was asked to be nobody known stayed root, and the call succeeded
cure:   -1 is no id, and is refused: sudo_minus_one_fixed
source: CVE-2019-14287 (sudo)
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

static behalf_row::Directory directory;

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    const auto known = directory.look_up(client);
    const auto uid = known ? known->uid : static_cast<uid_t>(-1);
    behalf_row::set_groups(client.groups);
    behalf_row::set_group(client.gid);
    if (behalf_row::set_user(uid)) behalf_row::print_whose_notes_open();
    behalf_row::become_itself();
  });
  return 0;
}
