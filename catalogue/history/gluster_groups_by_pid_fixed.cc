#include <map>
#include <utility>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  gluster: groups cached by user too
works:  files effective full shielded
hop:    queue
wrong:  nothing: each user has her own groups
cure:   none needed; a behalf::Token has ids and groups together
source: github.com/gluster/glusterfs, commit ae9d06d384
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  static std::map<std::pair<pid_t, uid_t>, std::vector<gid_t>> cache;
  behalf_row::Client client;
  worker->run([&] {
    client.groups = cache.try_emplace({getpid(), client.uid}, client.groups).first->second;
    const behalf_row::WorksFor as(client);
    behalf_row::print_whose_plan_opens();
  });
  return 0;
}
