#include <behalf/per_identity.h>

#include <mutex>

#include "row.h"
#include "sockets/credentials_server.h"

BEHALF_ROW(R"(
title:  a connection kept from call to call
works:  none
hop:    connection
clock:  open
wrong:  the server knows the connection by who opened it: it serves every later caller as the first one
cure:   behalf::per_identity<T>: a connection for each identity, opened as that identity
source: unix(7) SO_PEERCRED
)")

static behalf_row::CredentialsServer* server;
static std::mutex connection_in_use;

extern "C" void before() {
  server = new behalf_row::CredentialsServer;
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  const std::lock_guard lock(connection_in_use);
  static const int connection = server->connect();
  return behalf_row::CredentialsServer::print_who_is_connected(connection);
}

extern "C" int cured() {
  static behalf::per_identity<int> connections([] { return server->connect(); });
  const std::lock_guard lock(connection_in_use);
  return behalf_row::CredentialsServer::print_who_is_connected(*connections.get());
}
