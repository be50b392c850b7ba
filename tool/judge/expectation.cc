#include "judge/expectation.h"

#include <linux/capability.h>

#include <algorithm>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

constexpr std::uint64_t bit(int capability) { return 1ULL << capability; }

// With one of these in effect the file-system ids decide nothing (path_resolution(7), "Bypassing permission checks").
constexpr std::uint64_t bypass_files = bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | bit(CAP_CHOWN);

unsigned deciding(const Ids& ids, Decides decides) {
  switch (decides) {
    case Decides::effective:
    case Decides::program:
      return ids.effective;
    case Decides::real:
      return ids.real;
    default:
      return ids.fs;
  }
}

}  // namespace

bool ran_as(const Account& account, const Credentials& as, Decides decides) {
  if (decides == Decides::none) return true;
  if (deciding(as.uid, decides) != account.uid || deciding(as.gid, decides) != account.gid) return false;
  if (as.groups != account.groups) return false;
  if (account.uid == 0) return true;
  switch (decides) {
    case Decides::fs:
      return (as.effective & bypass_files) == 0;
    case Decides::effective:
      // A thread that keeps the service's file-system ids is half somebody else (connect(2) looks at both).
      return as.uid.fs == account.uid;
    case Decides::program: {
      // A new program that could become the service again is not the user's (execve(2) keeps the saved ids).
      const auto powerless = [](const Ids& ids) { return ids.real != 0 && ids.effective != 0 && ids.saved != 0; };
      return powerless(as.uid) && powerless(as.gid) && as.permitted == 0;
    }
    default:
      return true;
  }
}

std::string who_is(const Credentials& as, Decides decides) {
  // Told by the user id first: alice with root's groups is half alice, and said so.
  const unsigned uid = deciding(as.uid, decides);
  for (const Account& account : accounts()) {
    if (account.uid != uid) continue;
    if (ran_as(account, as, decides)) return std::string(account.name);
    if (decides == Decides::program && account.uid != 0 && as.groups == account.groups && as.gid.effective == account.gid)
      return std::string(service_name);  // what it can be, it is
    if (deciding(as.gid, decides) != account.gid || as.groups != account.groups)
      return fmt::format("{}{} with other groups", account.name, "");
    if ((as.effective & bypass_files) != 0) return std::string(service_name);
    return std::string(account.name);
  }
  return fmt::format("uid {}", uid);
}

}  // namespace behalf::tool
