#include <utility>

#include "caches/identity_key.h"
#include "history/connection_pool.h"
#include "row.h"

BEHALF_ROW(R"(
title:  Npgsql: pool by string and user
works:  effective full shielded
hop:    connection
clock:  open
wrong:  nothing: each user has connections of her own. (With `files` the server sees root in everybody's)
cure:   none needed; behalf::per_identity<T> is such a pool
source: github.com/npgsql/npgsql issue 1799
)")

using Key = std::pair<std::string, behalf_row::IdentityKey>;
static behalf_row::ConnectionPool<Key>* pool;

extern "C" void before() {
  pool = new behalf_row::ConnectionPool<Key>;
}

extern "C" int operation() {
  return pool->print_who_is_connected({behalf_row::connection_string, behalf_row::identity_of_thread()});
}
