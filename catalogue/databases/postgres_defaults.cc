#include "databases/postgres.h"
#include "environment/home_of_caller.h"
#include "row.h"

BEHALF_ROW(R"(
title:    PostgreSQL, with libpq's defaults
works:    none
hop:      environment
clock:    process
wrong:    libpq looks for ~/.pgpass and ~/.postgresql below $HOME, the service's: the user may not look there
cure:     name them: passfile= in the user's own home
needs:    libpq
services: postgresql
source:   PostgreSQL "The Password File"
)")

static int print_role_with(const std::string& settings) {
  PGconn* const connection = PQconnectdb(settings.c_str());
  const int failed = behalf_row::print_role(connection);
  PQfinish(connection);
  return failed;
}

extern "C" int operation() {
  return print_role_with("host=/run/postgresql dbname=postgres");
}

extern "C" int cured() {
  return print_role_with("host=/run/postgresql dbname=postgres passfile=" + behalf_row::home_of_caller() + "/.pgpass");
}
