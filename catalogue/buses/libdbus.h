// Who the bus takes the owner of a connection for, asked with libdbus.
#pragma once

#include <dbus/dbus.h>

#include "row.h"

namespace behalf_row {

// A connection that nobody else has, or NULL.
inline DBusConnection* open_private_connection() {
  DBusConnection* const connection = dbus_bus_get_private(DBUS_BUS_SYSTEM, nullptr);
  if (connection != nullptr) dbus_connection_set_exit_on_disconnect(connection, FALSE);
  return connection;
}

inline void close_private_connection(DBusConnection* connection) {
  if (connection == nullptr) return;
  dbus_connection_close(connection);
  dbus_connection_unref(connection);
}

// Prints it. Returns 0, or 1 where the bus did not answer.
inline int print_owner_by_the_bus(DBusConnection* connection) {
  if (connection == nullptr) {
    std::puts("no connection to the bus");
    return 1;
  }
  const unsigned long uid = dbus_bus_get_unix_user(connection, dbus_bus_get_unique_name(connection), nullptr);
  if (uid == ~0UL) return 1;
  std::printf("the bus serves %lu\n", uid);
  return 0;
}

}  // namespace behalf_row
