#include "row.h"
#include "sockets/credentials_server.h"

BEHALF_ROW(R"(
title:  connect(2) to who asks SO_PEERCRED
works:  effective full shielded
hop:    connection
clock:  open
wrong:  the kernel notes the effective ids at connect(2): where only the file system ids were changed, the server serves
        the service, with the user's groups
cure:   a posture that changes the effective ids
source: unix(7) SO_PEERCRED
)")

static behalf_row::CredentialsServer* server;

extern "C" void before() {
  server = new behalf_row::CredentialsServer;
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  const int connection = server->connect();
  const int failed = behalf_row::CredentialsServer::print_who_is_connected(connection);
  close(connection);
  return failed;
}

// The postures that the library offers are the cure.
extern "C" int cured() {
  return operation();
}
