// The people of the stage: exactly these, whatever accounts the machine has.
#pragma once

#include <sys/types.h>

#include <span>
#include <string_view>
#include <vector>

namespace behalf::tool {

struct Group {
  std::string_view name;
  gid_t gid;
};

struct Account {
  std::string_view name;
  uid_t uid;
  gid_t gid;
  std::string_view home;
  std::vector<gid_t> groups;  // all of them, the primary among them, sorted
};

inline constexpr std::string_view service_name = "root";
inline constexpr std::string_view shield_name = "shield";

std::span<const Account> accounts();
std::span<const Group> groups();
const Account& account(std::string_view name);

}  // namespace behalf::tool
