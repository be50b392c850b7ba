#include <behalf/postgres.h>

#include "databases/postgres.h"
#include "row.h"

BEHALF_ROW(R"(
title:    PostgreSQL, a connection opened for the call
works:    effective full shielded
hop:      connection
clock:    open
wrong:    libpq names the effective user and the server asks the kernel who connects: where only the file system ids were
          changed, the service's role
cure:     a posture that changes the effective ids; behalf::PostgresPool, which keeps the connection
needs:    libpq behalf::postgres
services: postgresql
source:   PostgreSQL "Peer Authentication"
)")

extern "C" int operation() {
  PGconn* const connection = behalf_row::open_connection();
  const int failed = behalf_row::print_role(connection);
  PQfinish(connection);
  return failed;
}

extern "C" int cured() {
  static behalf::PostgresPool connections("host=/run/postgresql dbname=postgres");
  const behalf::PostgresConnection connection = connections.take();
  return behalf_row::print_role(connection.get());
}
