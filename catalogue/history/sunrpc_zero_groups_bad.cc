#include <map>

#include "history/client.h"
#include "history/directory.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  sunrpc: an outage kept as no groups
works:  none
hop:    queue
clock:  creator
wrong:  the directory did not answer, and what was kept for half an hour was a list of no groups: users were refused
        what their groups may read
cure:   a failure is no answer and is not kept; ask again: sunrpc_zero_groups_fixed
source: github.com/truenas/linux 337 to 339
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

static behalf_row::Directory directory;

extern "C" int operation() {
  static std::map<uid_t, std::vector<gid_t>> cache;
  behalf_row::Client client;
  worker->run([&] {
    const auto kept = cache.find(client.uid);
    if (kept == cache.end()) {
      const auto known = directory.look_up(client);
      cache[client.uid] = known ? known->groups : std::vector<gid_t>();
    }
    client.groups = cache[client.uid];
    const behalf_row::WorksFor as(client);
    behalf_row::print_whose_plan_opens();
  });
  return 0;
}
