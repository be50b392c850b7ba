#include <systemd/sd-bus.h>

#include "buses/behalf_bus.h"
#include "row.h"

BEHALF_ROW(R"(
title:    sd_bus_default_system, sd-bus' connection of the thread
works:    none
hop:      connection
clock:    open
wrong:    sd-bus keeps a connection for each thread, opened by the first user whom the thread worked for: the bus serves
          all others as her
cure:     behalf::DBus; or sd_bus_open_system, as whom the call is for, and kept for each identity:
          behalf::per_identity<T>
needs:    libsystemd behalf::dbus
services: dbus
source:   sd_bus_default(3)
)")

// Prints whom the bus takes the connection's owner for. Returns 0, or an errno.
static int print_owner_by_the_bus(sd_bus* bus) {
  const char* name = nullptr;
  if (const int failed = sd_bus_get_unique_name(bus, &name); failed < 0) return -failed;
  sd_bus_message* reply = nullptr;
  const int called = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "GetConnectionUnixUser", nullptr, &reply, "s", name);
  unsigned uid = 0;
  const int read = called < 0 ? called : sd_bus_message_read(reply, "u", &uid);
  sd_bus_message_unref(reply);
  if (read < 0) return -read;
  std::printf("the bus serves %u\n", uid);
  return 0;
}

extern "C" int operation() {
  sd_bus* bus = nullptr;
  if (const int failed = sd_bus_default_system(&bus); failed < 0) return -failed;
  thread_local sd_bus* const kept = sd_bus_ref(bus);  // without, the next call would connect anew
  const int failed = print_owner_by_the_bus(kept);
  sd_bus_unref(bus);
  return failed;
}

extern "C" int cured() {
  return behalf_row::print_owner_by_the_bus();
}
