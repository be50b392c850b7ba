// Who the bus takes the caller for, asked on the caller's own connection (behalf::DBus).
#pragma once

#include <behalf/dbus.h>

#include "row.h"

namespace behalf_row {

// Prints it. Returns 0, or 1 where the bus did not answer.
inline int print_owner_by_the_bus() {
  constexpr const char* bus_itself = "org.freedesktop.DBus";
  static behalf::DBus bus(behalf::DBus::system_address);
  static behalf::DBusProxy proxy(bus, bus_itself, "/org/freedesktop/DBus");
  try {
    const auto callers = proxy.get();
    // An answer is addressed to who asked.
    const std::string name = callers->callMethod(callers->createMethodCall(bus_itself, "GetId")).getDestination();
    std::uint32_t uid = 0;
    callers->callMethod("GetConnectionUnixUser").onInterface(bus_itself).withArguments(name).storeResultsTo(uid);
    std::printf("the bus serves %u\n", uid);
    return 0;
  } catch (const std::exception& error) {
    std::printf("no answer from the bus: %s\n", error.what());
    return 1;
  }
}

}  // namespace behalf_row
