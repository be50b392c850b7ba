#include <map>
#include <mutex>

#include "caches/identity_key.h"
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
  static std::map<behalf_row::IdentityKey, int> connections;
  const std::lock_guard lock(connection_in_use);
  const auto [connection, is_new] = connections.try_emplace(behalf_row::identity_of_thread(), -1);
  if (is_new) connection->second = server->connect();
  return behalf_row::CredentialsServer::print_who_is_connected(connection->second);
}
