#include "front_end.h"

#include <behalf/error.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace {

using behalf::http::Refusal;
using behalf::http::Request;
using behalf::http::Response;

constexpr const char* interface = "org.freedesktop.systemd1.Manager";

// What the manager tells of a unit: org.freedesktop.systemd1(5).
using Listed = sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                             sdbus::ObjectPath, std::uint32_t, std::string, sdbus::ObjectPath>;

std::string line_of(const Listed& unit) {
  return std::get<0>(unit) + " " + std::get<3>(unit) + "\n";
}

// What stands in for a part of the path, where it is a service's name.
std::optional<std::string> unit_in(std::string_view part) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.@-";
  if (!part.ends_with(".service") || part.size() > 255) return std::nullopt;
  if (part.find_first_not_of(allowed) != std::string_view::npos) return std::nullopt;
  return std::string(part);
}

// What the user is told of what the manager, the bus or polkit says.
Refusal refusal(const sdbus::Error& error) {
  const std::string& name = error.getName();
  // The second: it would be allowed after a dialogue with the user, of which there is none here.
  if (name == "org.freedesktop.DBus.Error.AccessDenied" ||
      name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired") {
    return {403, error.getMessage()};
  }
  if (name == "org.freedesktop.systemd1.NoSuchUnit") return {404, error.getMessage()};
  return {502, "the manager: " + error.getMessage()};
}

}  // namespace

FrontEnd::FrontEnd(const FrontEndOptions& options)
    : bus_(options.bus), manager_(bus_, options.manager, "/org/freedesktop/systemd1", options.blanket) {}

Response FrontEnd::operator()(const Request& request) {
  std::string_view target = request.target;
  constexpr std::string_view all = "/units";
  if (!target.starts_with(all)) throw Refusal(404, "there is /units");
  target.remove_prefix(all.size());
  const auto must_be = [&](std::string_view method) {
    if (request.method != method) throw Refusal(405, std::string("only ") + std::string(method));
  };
  try {
    if (target.empty() || target == "/") {
      must_be("GET");
      return {.body = look_at_all()};
    }
    target.remove_prefix(1);
    const std::size_t end = std::min(target.find('/'), target.size());
    const std::optional<std::string> unit = unit_in(target.substr(0, end));
    if (!unit) throw Refusal(404, "that is no service's name");
    const std::string_view verb = target.substr(end);
    if (verb.empty()) {
      must_be("GET");
      return {.body = look(*unit)};
    }
    must_be("POST");
    if (verb == "/start") return tell("StartUnit", *unit);
    if (verb == "/stop") return tell("StopUnit", *unit);
    throw Refusal(404, "a service can be started and stopped");
  } catch (const sdbus::Error& error) {
    throw refusal(error);
  } catch (const behalf::Error& error) {
    if (error.reason() == behalf::Error::Reason::not_there) throw Refusal(502, error.what());
    throw;
  }
}

std::string FrontEnd::look_at_all() {
  std::vector<Listed> units;
  manager_->callMethod("ListUnits").onInterface(interface).storeResultsTo(units);
  std::string text;
  for (const Listed& unit : units)
    if (std::get<0>(unit).ends_with(".service")) text += line_of(unit);
  return text;
}

std::string FrontEnd::look(const std::string& unit) {
  std::vector<Listed> units;
  manager_->callMethod("ListUnitsByNames")
      .onInterface(interface)
      .withArguments(std::vector<std::string>{unit})
      .storeResultsTo(units);
  if (units.empty() || std::get<2>(units[0]) == "not-found") throw Refusal(404, "there is no " + unit);
  return line_of(units[0]);
}

Response FrontEnd::tell(const char* method, const std::string& unit) {
  sdbus::ObjectPath job;
  manager_->callMethod(method).onInterface(interface).withArguments(unit, "replace").storeResultsTo(job);
  return {.status = 204};
}
