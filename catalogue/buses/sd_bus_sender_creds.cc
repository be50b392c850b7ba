#include <systemd/sd-bus.h>

#include "row.h"

BEHALF_ROW(R"(
title:    who a D-Bus message is from, by sd_bus_query_sender_creds
works:    none
hop:      process-state
clock:    process
wrong:    sd-bus has the uid from the bus and fills in what that does not tell (the groups) from /proc of the sender's
          process, whose main thread is the service: the user, with the service's groups. So sdbus-c++ sees it
cure:     the receiver asks the bus: GetConnectionCredentials has UnixUserID and UnixGroupIDs as they were when the
          sender connected
needs:    libsystemd
services: dbus
source:   sd_bus_creds_new_from_pid(3) SD_BUS_CREDS_AUGMENT
)")

static constexpr const char* bus_itself = "org.freedesktop.DBus";

// Who the sender of a message is, in words.
static std::string by_sender_creds(sd_bus_message* message) {
  sd_bus_creds* creds = nullptr;
  uid_t uid = 0;
  gid_t gid = 0;
  if (sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID | SD_BUS_CREDS_EGID | SD_BUS_CREDS_AUGMENT, &creds) < 0 ||
      sd_bus_creds_get_euid(creds, &uid) < 0 || sd_bus_creds_get_egid(creds, &gid) < 0)
    return "nobody known";
  sd_bus_creds_unref(creds);
  return std::to_string(uid) + ":" + std::to_string(gid);
}

static std::string by_the_bus(sd_bus_message* message) {
  sd_bus_message* reply = nullptr;
  std::string found = "nobody known";
  if (sd_bus_call_method(sd_bus_message_get_bus(message), bus_itself, "/org/freedesktop/DBus", bus_itself,
                         "GetConnectionCredentials", nullptr, &reply, "s", sd_bus_message_get_sender(message)) < 0)
    return found;
  const char* key = nullptr;
  std::string uid, groups;
  sd_bus_message_enter_container(reply, 'a', "{sv}");
  while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
    sd_bus_message_read(reply, "s", &key);
    if (key == std::string("UnixUserID")) {
      unsigned value = 0;
      sd_bus_message_read(reply, "v", "u", &value);
      uid = std::to_string(value);
    } else if (key == std::string("UnixGroupIDs")) {
      const void* list = nullptr;
      std::size_t size = 0;
      sd_bus_message_enter_container(reply, 'v', "au");
      sd_bus_message_read_array(reply, 'u', &list, &size);
      sd_bus_message_exit_container(reply);
      for (std::size_t i = 0; i < size / sizeof(unsigned); ++i)
        groups += " " + std::to_string(static_cast<const unsigned*>(list)[i]);
    } else {
      sd_bus_message_skip(reply, "v");
    }
    sd_bus_message_exit_container(reply);
  }
  sd_bus_message_unref(reply);
  return uid + " with the groups" + groups;
}

// Sends a message to itself over the bus, both ends opened by the caller, and prints whom the receiving end takes the
// sender for.
static int print_sender(std::string (*find_out)(sd_bus_message*)) {
  sd_bus *sender = nullptr, *receiver = nullptr;
  sd_bus_message* message = nullptr;
  const char* name = nullptr;
  int done = sd_bus_open_system(&sender);
  if (done >= 0) done = sd_bus_open_system(&receiver);
  if (done >= 0) done = sd_bus_get_unique_name(receiver, &name);
  if (done >= 0) done = sd_bus_message_new_method_call(sender, &message, name, "/", "org.behalf.Clerk", "Serve");
  if (done >= 0) done = sd_bus_message_set_expect_reply(message, 0);
  if (done >= 0) done = sd_bus_send(sender, message, nullptr);
  sd_bus_message_unref(message);
  if (done >= 0) done = sd_bus_flush(sender);
  for (bool found = false; done >= 0 && !found;) {
    sd_bus_message* arrived = nullptr;
    done = sd_bus_process(receiver, &arrived);
    found = arrived != nullptr && sd_bus_message_is_method_call(arrived, nullptr, "Serve") > 0;
    if (found) std::printf("the message is from %s\n", find_out(arrived).c_str());
    sd_bus_message_unref(arrived);
    if (done == 0) done = sd_bus_wait(receiver, UINT64_MAX);
  }
  sd_bus_flush_close_unref(sender);
  sd_bus_flush_close_unref(receiver);
  return done < 0 ? -done : 0;
}

extern "C" int operation() {
  return print_sender(by_sender_creds);
}

extern "C" int cured() {
  return print_sender(by_the_bus);
}
