#include <gio/gio.h>

#include "buses/behalf_bus.h"
#include "row.h"

BEHALF_ROW(R"(
title:    g_bus_get_sync, GLib's shared connection
works:    none
hop:      connection
clock:    open
wrong:    GLib keeps one connection to each bus as long as anybody has it, opened by its first caller: the bus serves all
          others as her
cure:     behalf::DBus; or g_dbus_connection_new_for_address_sync, as whom the call is for, and kept for each identity:
          behalf::per_identity<T>, after behalf::warm_up(): GLib's thread that reads from all stays its first maker's
needs:    gio-2.0 behalf::dbus
services: dbus
source:   g_bus_get_sync, GIO's reference
)")

static GDBusConnection* open_own_connection() {
  constexpr auto flags = static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                           G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
  return g_dbus_connection_new_for_address_sync("unix:path=/run/dbus/system_bus_socket", flags, nullptr, nullptr,
                                                nullptr);
}

// Prints whom the bus takes the connection's owner for.
static int print_owner_by_the_bus(GDBusConnection* connection) {
  if (connection == nullptr) return 1;
  GVariant* const reply = g_dbus_connection_call_sync(
      connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser",
      g_variant_new("(s)", g_dbus_connection_get_unique_name(connection)), G_VARIANT_TYPE("(u)"),
      G_DBUS_CALL_FLAGS_NONE, -1, nullptr, nullptr);
  if (reply == nullptr) return 2;
  guint32 uid = 0;
  g_variant_get(reply, "(u)", &uid);
  g_variant_unref(reply);
  std::printf("the bus serves %u\n", uid);
  return 0;
}

// Starts GLib's thread.
extern "C" void before() {
  open_own_connection();
}

extern "C" int operation() {
  static GDBusConnection* kept = nullptr;  // as an application does, so that the next call need not connect
  GDBusConnection* const connection = g_bus_get_sync(G_BUS_TYPE_SYSTEM, nullptr, nullptr);
  if (connection != nullptr && g_atomic_pointer_compare_and_exchange(&kept, nullptr, connection)) g_object_ref(kept);
  const int failed = print_owner_by_the_bus(connection);
  if (connection != nullptr) g_object_unref(connection);
  return failed;
}

extern "C" int cured() {
  return behalf_row::print_owner_by_the_bus();
}
