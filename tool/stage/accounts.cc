#include "stage/accounts.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace behalf::tool {

std::span<const Account> accounts() {
  static const std::vector<Account> table = {
      {"root", 0, 0, "/root", {0}},
      {"alice", 3001, 3001, "/home/alice", {3001, 3100}},
      {"bob", 3002, 3002, "/home/bob", {3002, 3200}},
      {"shield", 3009, 3009, "/", {3009}},
  };
  return table;
}

std::span<const Group> groups() {
  static constexpr Group table[] = {{"root", 0},    {"alice", 3001}, {"bob", 3002},
                                    {"devs", 3100}, {"staff", 3200}, {"shield", 3009}};
  return table;
}

const Account& account(std::string_view name) {
  const auto found =
      std::find_if(accounts().begin(), accounts().end(), [&](const Account& a) { return a.name == name; });
  if (found == accounts().end()) throw std::logic_error("no account on the stage: " + std::string(name));
  return *found;
}

}  // namespace behalf::tool
