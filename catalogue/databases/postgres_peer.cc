#include "databases/postgres.h"
#include "row.h"

BEHALF_ROW(R"(
title:    PostgreSQL, a connection opened for the call
works:    effective full shielded
hop:      connection
clock:    open
wrong:    libpq names the effective user and the server asks the kernel who connects: where only the file system ids were
          changed, the service's role
cure:     a posture that changes the effective ids
needs:    libpq
services: postgresql
source:   PostgreSQL "Peer Authentication"
)")

extern "C" int operation() {
  PGconn* const connection = behalf_row::open_connection();
  const int failed = behalf_row::print_role(connection);
  PQfinish(connection);
  return failed;
}
