#include "judge/expectation.h"

#include <linux/capability.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

constexpr std::uint64_t bit(int capability) {
  return 1ULL << capability;
}

// With one of these in effect the file-system ids decide nothing (path_resolution(7), "Bypassing permission checks").
constexpr std::uint64_t bypass_files =
    bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | bit(CAP_CHOWN);

unsigned deciding(const Ids& ids, Decides decides) {
  switch (decides) {
    case Decides::effective:
    case Decides::program:
    case Decides::sender:
      return ids.effective;
    case Decides::real:
      return ids.real;
    default:
      return ids.fs;
  }
}

}  // namespace

bool ran_as(const Account& account, const Credentials& as, Decides decides) {
  if (decides == Decides::none || decides == Decides::power) return true;
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
      // A new program is the user's when nothing of anybody else's is left in it (execve(2) keeps the saved ids).
      const Ids uid = {account.uid, account.uid, account.uid, account.uid},
                gid = {account.gid, account.gid, account.gid, account.gid};
      return as.uid == uid && as.gid == gid && as.permitted == 0;
    }
    case Decides::sender:
      // kill(2) and its like accept the real id as well as the effective one.
      return as.uid.real != 0;
    default:
      return true;
  }
}

std::string who_is(const Account& expected, const Credentials& as, Decides decides) {
  std::vector<unsigned> uids = {deciding(as.uid, decides)};
  if (decides == Decides::program) uids = {as.uid.real, as.uid.effective, as.uid.saved};
  if (decides == Decides::sender) uids = {as.uid.effective, as.uid.real};
  if (decides == Decides::effective) uids.push_back(as.uid.fs);
  for (const unsigned uid : uids) {
    if (uid == expected.uid) continue;
    const auto other =
        std::find_if(accounts().begin(), accounts().end(), [&](const Account& a) { return a.uid == uid; });
    return other == accounts().end() ? fmt::format("uid {}", uid) : std::string(other->name);
  }
  if (deciding(as.gid, decides) != expected.gid || as.groups != expected.groups)
    return fmt::format("{} with other groups", expected.name);
  if (ran_as(expected, as, decides)) return std::string(expected.name);
  return std::string(service_name);  // the user's ids, with the service's capabilities
}

bool is_stages_own(std::string_view path) {
  constexpr std::string_view own[] = {"/home", "/root", "/srv", "/tmp", "/run", "/proc", "/dev", "/var/tmp"};
  return std::any_of(std::begin(own), std::end(own), [&](std::string_view folder) { return path.starts_with(folder); });
}

bool same_for_everybody(const Effect& effect) {
  if (!effect.reads || !effect.finished || effect.object.empty() || effect.object.front() != '/') return false;
  // On the stage's own places identity always matters, but for the kernel's settings: malloc(3) asks one when it gives
  // memory back, in whatever thread that is.
  if (is_stages_own(effect.object) && !effect.object.starts_with("/proc/sys/")) return false;
  std::string so_far;
  for (std::size_t at = 1; at <= effect.object.size();) {
    const auto end = std::min(effect.object.find('/', at), effect.object.size());
    so_far = effect.object.substr(0, end);
    at = end + 1;
    struct stat status {};
    if (stat(so_far.c_str(), &status) != 0) return errno == ENOENT && effect.result == -ENOENT;
    const mode_t wanted = S_ISDIR(status.st_mode) ? S_IXOTH : S_IROTH;
    if ((status.st_mode & wanted) == 0) return false;
  }
  return effect.result >= 0;
}

}  // namespace behalf::tool
