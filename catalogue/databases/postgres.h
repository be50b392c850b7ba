// Connections to PostgreSQL over its local socket, which knows who connects (pg_hba.conf: peer).
#pragma once

#include <libpq-fe.h>

#include "row.h"

namespace behalf_row {

// Who the database takes the connection's owner for, printed.
inline int print_role(PGconn* connection) {
  if (PQstatus(connection) != CONNECTION_OK) {
    std::printf("no connection: %s", PQerrorMessage(connection));
    return 1;
  }
  PGresult* const result = PQexec(connection, "SELECT session_user");
  const bool answered = PQresultStatus(result) == PGRES_TUPLES_OK;
  std::printf("the database serves %s\n", answered ? PQgetvalue(result, 0, 0) : PQerrorMessage(connection));
  PQclear(result);
  return answered ? 0 : 1;
}

// Without a look at ~/.pgpass, which would be the service's (see postgres_defaults).
inline PGconn* open_connection() {
  return PQconnectdb("host=/run/postgresql dbname=postgres passfile=/dev/null");
}

}  // namespace behalf_row
