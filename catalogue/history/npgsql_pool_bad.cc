#include "history/connection_pool.h"
#include "row.h"

BEHALF_ROW(R"(
title:  Npgsql: pool by connection string
works:  none
hop:    connection
clock:  open
wrong:  the string says `integrated security` and no user: the connection that was opened as one user is given to the
        next, whose string is the same
cure:   the user is part of the pool's key: npgsql_pool_fixed
source: github.com/npgsql/npgsql issue 1799
)")

static behalf_row::ConnectionPool<std::string>* pool;

extern "C" void before() {
  pool = new behalf_row::ConnectionPool<std::string>;
}

extern "C" int operation() {
  return pool->print_who_is_connected(behalf_row::connection_string);
}
