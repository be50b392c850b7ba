#include <mutex>

#include "buses/behalf_bus.h"
#include "buses/libdbus.h"
#include "row.h"

BEHALF_ROW(R"(
title:    D-Bus, a private connection that is kept
works:    none
hop:      connection
clock:    open
wrong:    the bus knows the connection by who opened it: it serves every later caller as the first one
cure:     behalf::DBus; or another connection for each identity, opened as that identity: behalf::per_identity<T>
needs:    dbus-1 behalf::dbus
services: dbus
source:   D-Bus Specification "EXTERNAL": a connection authenticates once
)")

extern "C" int operation() {
  static std::mutex connection_in_use;
  const std::lock_guard lock(connection_in_use);
  static DBusConnection* const connection = behalf_row::open_private_connection();
  return behalf_row::print_owner_by_the_bus(connection);
}

extern "C" int cured() {
  return behalf_row::print_owner_by_the_bus();
}
