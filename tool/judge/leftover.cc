#include "judge/leftover.h"

#include <algorithm>

#include <fmt/format.h>

namespace behalf::tool {

std::string leftover(const Account& user, const Credentials& as) {
  const Ids uid = {user.uid, user.uid, user.uid, user.uid};
  if (user.name == service_name || as.uid != uid) return {};
  const struct {
    const char* name;
    unsigned id;
  } gids[] = {
      {"real", as.gid.real}, {"effective", as.gid.effective}, {"saved", as.gid.saved}, {"file-system", as.gid.fs}};
  for (const auto& [name, id] : gids)
    if (id != user.gid) return fmt::format("the {} gid {}", name, id);
  for (const gid_t group : as.groups)
    if (std::find(user.groups.begin(), user.groups.end(), group) == user.groups.end())
      return fmt::format("the group {}", group);
  return (as.permitted | as.effective) != 0 ? "capabilities" : "";
}

}  // namespace behalf::tool
