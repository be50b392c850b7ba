#include "buses/behalf_bus.h"
#include "buses/libdbus.h"
#include "row.h"

BEHALF_ROW(R"(
title:    D-Bus, a connection opened for the call
works:    effective full shielded
hop:      connection
clock:    open
wrong:    the bus takes the effective uid of who connects: where only the file system ids were changed, it serves the
          service
cure:     a posture that changes the effective ids; behalf::DBus, which keeps the connection
needs:    dbus-1 behalf::dbus
services: dbus
source:   unix(7) SO_PEERCRED; D-Bus Specification "EXTERNAL"
)")

extern "C" int operation() {
  DBusConnection* const connection = behalf_row::open_private_connection();
  const int failed = behalf_row::print_owner_by_the_bus(connection);
  behalf_row::close_private_connection(connection);
  return failed;
}

extern "C" int cured() {
  return behalf_row::print_owner_by_the_bus();
}
