#include "hop.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace chain {

const std::vector<HopData>& hops() {
  static const std::vector<HopData> all = {
      {Hop::queue, "queue", "front: work is queued without its submitter's identity"},
      {Hop::blanket, "blanket", "front: the proxy of the clerk presents the service (COM's default)"},
      {Hop::client, "client", "clerk: the client is not impersonated"},
      {Hop::bus, "bus", "clerk: the proxy of the archive presents the service"},
      {Hop::caller, "caller", "archive: the caller is not impersonated"},
      {Hop::helper, "helper", "archive: the known folder is asked for without saying of whom (\"passes NULL\")"},
      {Hop::cache, "cache", "archive: the known folder is kept for all, not for each identity"},
      {Hop::database, "database", "archive: the connection to the database is the service's"},
  };
  return all;
}

Hop hop_named(std::string_view name) {
  if (name.empty()) return Hop::none;
  std::string there;
  for (const HopData& each : hops()) {
    if (each.name == name) return each.hop;
    (there += there.empty() ? "" : ", ") += each.name;
  }
  throw std::invalid_argument("there is no hop '" + std::string(name) + "' to forget; there are: " + there);
}

std::string name_of(unsigned uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> text{};
  if (::getpwuid_r(uid, &entry, text.data(), text.size(), &found) != 0 || found == nullptr) return std::to_string(uid);
  return entry.pw_name;
}

std::string seen_at(std::string_view hop) {
  return std::string(hop) + " " + name_of(::geteuid());
}

}  // namespace chain
