#include <map>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  gluster: groups cached by process
works:  none
hop:    queue
clock:  creator
wrong:  the groups of a request were kept by the client's process number; smbd, one process, asks for one user after
        another, and each got the first one's groups
cure:   the user is part of the key: gluster_groups_by_pid_fixed
source: github.com/gluster/glusterfs, commit ae9d06d384
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  static std::map<pid_t, std::vector<gid_t>> cache;
  behalf_row::Client client;
  worker->run([&] {
    client.groups = cache.try_emplace(getpid(), client.groups).first->second;
    const behalf_row::WorksFor as(client);
    behalf_row::print_whose_plan_opens();
  });
  return 0;
}
