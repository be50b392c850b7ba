#include <deque>
#include <map>
#include <mutex>

#include "history/client.h"
#include "row.h"
#include "sockets/credentials_server.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  SqlClient: a pool filled up as its user
works:  effective full shielded
hop:    connection
clock:  open
wrong:  nothing: whoever connects is who the connection is for. (With `files` the first one is root's)
cure:   none needed; behalf::ThreadPool fills up as whose call asked for it
source: github.com/dotnet/SqlClient issue 4717
)")

static behalf_row::Workers* replenisher;
static behalf_row::CredentialsServer* database;

extern "C" void before() {
  replenisher = new behalf_row::Workers(1);
  database = new behalf_row::CredentialsServer;
}

extern "C" int operation() {
  static std::mutex in_use;
  static std::map<uid_t, std::deque<int>> spare;
  const behalf_row::Client user;
  const std::lock_guard lock(in_use);
  std::deque<int>& hers = spare[user.uid];
  if (hers.empty()) hers.push_back(database->connect());
  const int connection = hers.front();
  hers.pop_front();
  const int failed = behalf_row::CredentialsServer::print_who_is_connected(connection);
  close(connection);
  replenisher->run([&] {
    const behalf_row::WorksFor as(user);
    hers.push_back(database->connect());
  });
  return failed;
}
