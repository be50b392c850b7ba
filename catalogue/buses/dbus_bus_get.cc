#include <mutex>

#include "buses/behalf_bus.h"
#include "buses/libdbus.h"
#include "row.h"

BEHALF_ROW(R"(
title:    dbus_bus_get, libdbus' shared connection
works:    none
hop:      connection
clock:    open
wrong:    libdbus keeps one connection to each bus for the whole process, opened by its first caller: the bus serves all
          others as her
cure:     behalf::DBus; or dbus_bus_get_private, as whom the call is for, and kept for each identity:
          behalf::per_identity<T>
needs:    dbus-1 behalf::dbus
services: dbus
source:   dbus_bus_get, libdbus' reference
)")

extern "C" void before() {
  dbus_threads_init_default();
}

extern "C" int operation() {
  static std::mutex connection_in_use;
  const std::lock_guard lock(connection_in_use);
  DBusConnection* const connection = dbus_bus_get(DBUS_BUS_SYSTEM, nullptr);
  if (connection != nullptr) dbus_connection_set_exit_on_disconnect(connection, FALSE);
  const int failed = behalf_row::print_owner_by_the_bus(connection);
  if (connection != nullptr) dbus_connection_unref(connection);
  return failed;
}

extern "C" int cured() {
  return behalf_row::print_owner_by_the_bus();
}
