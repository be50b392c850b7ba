#include <behalf/postgres.h>

#include "databases/postgres.h"
#include "row.h"

BEHALF_ROW(R"(
title:    PostgreSQL, with libpq's defaults
works:    none
hop:      environment
clock:    process
wrong:    libpq looks for ~/.pgpass and ~/.postgresql below $HOME, the service's: the user may not look there
cure:     behalf::PostgresPool, which names each user's own
needs:    libpq behalf::postgres
services: postgresql
source:   PostgreSQL "The Password File"
)")

extern "C" int operation() {
  PGconn* const connection = PQconnectdb("host=/run/postgresql dbname=postgres");
  const int failed = behalf_row::print_role(connection);
  PQfinish(connection);
  return failed;
}

extern "C" int cured() {
  static behalf::PostgresPool connections("host=/run/postgresql dbname=postgres");
  const behalf::PostgresConnection connection = connections.take();
  return behalf_row::print_role(connection.get());
}
