#include <map>

#include "history/client.h"
#include "history/directory.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  sunrpc: an outage is asked again
works:  files effective full shielded
hop:    queue
wrong:  nothing: what is not known is not kept
cure:   none needed; behalf::Token refuses a user whose groups are not known
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
    while (!cache.contains(client.uid)) {
      if (const auto known = directory.look_up(client)) cache[client.uid] = known->groups;
    }
    client.groups = cache[client.uid];
    const behalf_row::WorksFor as(client);
    behalf_row::print_whose_plan_opens();
  });
  return 0;
}
