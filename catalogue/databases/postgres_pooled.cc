#include <behalf/postgres.h>

#include <mutex>

#include "databases/postgres.h"
#include "row.h"

BEHALF_ROW(R"(
title:    PostgreSQL, a connection of a pool
works:    none
hop:      connection
clock:    open
wrong:    the server knows the connection by who opened it: its role is the first caller's for all that come after
cure:     behalf::PostgresPool, or another pool for each identity, filled as that identity: behalf::per_identity<T>
needs:    libpq behalf::postgres
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
  static behalf::PostgresPool connections("host=/run/postgresql dbname=postgres");
  const behalf::PostgresConnection connection = connections.take();
  return behalf_row::print_role(connection.get());
}
