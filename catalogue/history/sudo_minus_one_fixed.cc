#include "history/client.h"
#include "history/directory.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  sudo: the user id -1 is refused
works:  files effective full shielded
hop:    queue
wrong:  nothing: it is refused, and the directory asked again
cure:   none needed; behalf::Token refuses -1 when it is made
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
    uid_t uid = static_cast<uid_t>(-1);
    while (uid == static_cast<uid_t>(-1)) {
      if (const auto known = directory.look_up(client)) uid = known->uid;
    }
    behalf_row::set_groups(client.groups);
    behalf_row::set_group(client.gid);
    if (behalf_row::set_user(uid)) behalf_row::print_whose_notes_open();
    behalf_row::become_itself();
  });
  return 0;
}
