#include <behalf/per_identity.h>

#include <mutex>

#include "databases/postgres.h"
#include "row.h"

BEHALF_ROW(R"(
title:    PostgreSQL, a connection of a pool
works:    none
hop:      connection
clock:    open
wrong:    the server knows the connection by who opened it: its role is the first caller's for all that come after
cure:     a pool for each identity, filled as that identity: behalf::per_identity<T>
needs:    libpq
services: postgresql
source:   PostgreSQL "Peer Authentication"
)")

static std::mutex connection_in_use;

extern "C" int operation() {
  const std::lock_guard lock(connection_in_use);
  static PGconn* const connection = behalf_row::open_connection();
  return behalf_row::print_role(connection);
}

extern "C" int cured() {
  static behalf::per_identity<PGconn*> connections(behalf_row::open_connection);
  const std::lock_guard lock(connection_in_use);
  return behalf_row::print_role(*connections.get());
}
