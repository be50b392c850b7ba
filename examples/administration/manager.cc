#include "manager.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr const char* interface = "org.freedesktop.systemd1.Manager";
constexpr const char* path = "/org/freedesktop/systemd1";
constexpr const char* bus_itself = "org.freedesktop.DBus";

constexpr const char* manage = "org.behalf.machine.manage-units";
constexpr const char* look = "org.behalf.machine.look";

// Name, description, load, active and sub state, the unit that it follows, its object; a job's number, kind and object.
using Listed = sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                             sdbus::ObjectPath, std::uint32_t, std::string, sdbus::ObjectPath>;

Listed listed(Units& units, const std::string& name) {
  const bool is_there = units.has(name);
  const bool is_active = is_there && units.is_active(name);
  return {name,
          name,
          is_there ? "loaded" : "not-found",
          is_active ? "active" : "inactive",
          is_active ? "running" : "dead",
          "",
          sdbus::ObjectPath("/"),
          0,
          "",
          sdbus::ObjectPath("/")};
}

std::vector<Listed> listed(Units& units, const std::vector<std::string>& names) {
  std::vector<Listed> all;
  for (const std::string& name : names) all.push_back(listed(units, name));
  return all;
}

// With an end of a line in it, it would be another line where it is written down, of whomever it says.
void must_be_one_line(const std::string& unit) {
  if (std::none_of(unit.begin(), unit.end(), [](unsigned char each) { return each < ' ' || each == 0x7f; })) return;
  throw sdbus::Error("org.freedesktop.DBus.Error.InvalidArgs", "that is no unit's name");
}

}  // namespace

Manager::Manager(sdbus::IConnection& connection, const std::string& name, Units& units)
    : units_(units),
      authority_(connection),
      bus_(sdbus::createProxy(connection, bus_itself, "/org/freedesktop/DBus")),
      object_(sdbus::createObject(connection, path)) {
  // A job is done when it is answered here: it has no object.
  object_->registerMethod("StartUnit")
      .onInterface(interface)
      .implementedAs([this](const std::string& unit, const std::string& /*mode*/) {
        judge(manage, unit, "start");
        must_be_there(unit);
        try {
          units_.start(unit);
        } catch (const std::exception& error) {
          throw sdbus::Error("org.freedesktop.DBus.Error.Failed", error.what());
        }
        return sdbus::ObjectPath("/");
      });
  object_->registerMethod("StopUnit")
      .onInterface(interface)
      .implementedAs([this](const std::string& unit, const std::string& /*mode*/) {
        judge(manage, unit, "stop");
        must_be_there(unit);
        units_.stop(unit);
        return sdbus::ObjectPath("/");
      });
  object_->registerMethod("ListUnits").onInterface(interface).implementedAs([this] {
    judge(look, "", "look");
    return listed(units_, units_.names());
  });
  object_->registerMethod("ListUnitsByNames")
      .onInterface(interface)
      .implementedAs([this](const std::vector<std::string>& names) {
        for (const std::string& unit : names) judge(look, unit, "look");
        return listed(units_, names);
      });
  object_->finishRegistration();
  connection.requestName(name);
}

void Manager::judge(const std::string& action, const std::string& unit, const std::string& verb) {
  must_be_one_line(unit);
  const std::string caller = object_->getCurrentlyProcessedMessage()->getSender();
  std::string who = "somebody";
  const auto say = [&](const char* how) {
    std::printf("%s: %s %s: %s\n", who.c_str(), verb.c_str(), unit.empty() ? "all" : unit.c_str(), how);
    std::fflush(stdout);
  };
  try {
    std::uint32_t uid = 0;
    bus_->callMethod("GetConnectionUnixUser").onInterface(bus_itself).withArguments(caller).storeResultsTo(uid);
    who = "uid " + std::to_string(uid);
    authority_.must_allow(caller, action, {{"unit", unit}, {"verb", verb}});
  } catch (const sdbus::Error&) {
    say("refused");
    throw;
  }
  say("allowed");
}

void Manager::must_be_there(const std::string& unit) const {
  if (units_.has(unit)) return;
  throw sdbus::Error("org.freedesktop.systemd1.NoSuchUnit", "Unit " + unit + " not found.");
}
