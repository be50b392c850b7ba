#include <behalf/warm_up.h>
#include <gio/gio.h>

#include "row.h"

BEHALF_ROW(R"(
title:    g_dbus_connection_new_for_address_sync, the first of the process
works:    none
hop:      queue
clock:    first-caller
wrong:    GIO starts its one thread for all connections with the first: it writes and reads for everybody as the first
          user, for as long as the process lives
cure:     behalf::warm_up() at start-up, so that it is the service
needs:    gio-2.0
services: dbus
source:   clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

extern "C" int operation() {
  constexpr auto flags = static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                           G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
  GDBusConnection* const connection =
      g_dbus_connection_new_for_address_sync("unix:path=/run/dbus/system_bus_socket", flags, nullptr, nullptr, nullptr);
  if (connection == nullptr) return 1;
  std::printf("connected\n");
  g_dbus_connection_close_sync(connection, nullptr, nullptr);
  g_object_unref(connection);
  return 0;
}

extern "C" void before_cured() {
  behalf::warm_up();
}

extern "C" int cured() {
  return operation();
}
