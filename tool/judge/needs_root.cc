#include "judge/needs_root.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/format.h>

#include "judge/expectation.h"

namespace behalf::tool {
namespace {

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF 39
#endif

constexpr std::uint64_t bit(int capability) {
  return 1ULL << capability;
}
constexpr std::uint64_t over_files =
    bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | bit(CAP_CHOWN);

// A call for which the kernel asks capable(), and not ns_capable(): any of these capabilities, over the machine. With
// no capability, a count that is charged otherwise.
struct Reserved {
  std::string_view call;
  std::uint64_t any_of;
  std::vector<int> refusals;
  std::string_view what;
};

const std::vector<Reserved>& reserved() {
  static const std::vector<Reserved> table = {
      {"bpf", bit(CAP_BPF) | bit(CAP_SYS_ADMIN), {EPERM}, "CAP_BPF"},
      {"perf_event_open", bit(CAP_PERFMON) | bit(CAP_SYS_ADMIN), {EPERM, EACCES}, "CAP_PERFMON"},
      {"userfaultfd", bit(CAP_SYS_PTRACE), {EPERM}, "CAP_SYS_PTRACE"},
      {"setpriority", bit(CAP_SYS_NICE), {EPERM, EACCES}, "CAP_SYS_NICE"},
      {"sched_setscheduler", bit(CAP_SYS_NICE), {EPERM}, "CAP_SYS_NICE"},
      {"sched_setparam", bit(CAP_SYS_NICE), {EPERM}, "CAP_SYS_NICE"},
      {"sched_setattr", bit(CAP_SYS_NICE), {EPERM}, "CAP_SYS_NICE"},
      {"ioprio_set", bit(CAP_SYS_NICE) | bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_NICE"},
      {"mlock", bit(CAP_IPC_LOCK), {EPERM, ENOMEM}, "CAP_IPC_LOCK"},
      {"mlock2", bit(CAP_IPC_LOCK), {EPERM, ENOMEM}, "CAP_IPC_LOCK"},
      {"mlockall", bit(CAP_IPC_LOCK), {EPERM, ENOMEM}, "CAP_IPC_LOCK"},
      {"prlimit64", bit(CAP_SYS_RESOURCE), {EPERM}, "CAP_SYS_RESOURCE"},
      {"setrlimit", bit(CAP_SYS_RESOURCE), {EPERM}, "CAP_SYS_RESOURCE"},
      {"fanotify_init", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"quotactl", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"mount", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"swapon", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"acct", bit(CAP_SYS_PACCT), {EPERM}, "CAP_SYS_PACCT"},
      {"syslog", bit(CAP_SYSLOG) | bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYSLOG"},
      {"open_by_handle_at", bit(CAP_DAC_READ_SEARCH), {EPERM}, "CAP_DAC_READ_SEARCH"},
      {"mknod", bit(CAP_MKNOD), {EPERM}, "CAP_MKNOD"},
      {"mknodat", bit(CAP_MKNOD), {EPERM}, "CAP_MKNOD"},
      // The names trusted.* are hidden from whoever may not see them (xattr(7)).
      {"setxattr", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"lsetxattr", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"fsetxattr", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"setxattrat", bit(CAP_SYS_ADMIN), {EPERM}, "CAP_SYS_ADMIN"},
      {"removexattr", bit(CAP_SYS_ADMIN), {EPERM, ENODATA}, "CAP_SYS_ADMIN"},
      {"lremovexattr", bit(CAP_SYS_ADMIN), {EPERM, ENODATA}, "CAP_SYS_ADMIN"},
      {"fremovexattr", bit(CAP_SYS_ADMIN), {EPERM, ENODATA}, "CAP_SYS_ADMIN"},
      {"inotify_init1", 0, {EMFILE}, "a number of instances"},
      {"inotify_add_watch", 0, {ENOSPC}, "a number of watches"},
      {"clone", 0, {EAGAIN}, "a number of processes"},
      {"clone3", 0, {EAGAIN}, "a number of processes"},
      {"mq_open", 0, {EMFILE, ENOSPC}, "a number of message queues"},
      {"add_key", 0, {EDQUOT}, "a quota of keys"},
      {"keyctl", 0, {EDQUOT}, "a quota of keys"},
  };
  return table;
}

bool failed_with(const Effect& effect, const std::vector<int>& errors) {
  return effect.finished && std::any_of(errors.begin(), errors.end(), [&](int e) { return effect.result == -e; });
}

// In a user namespace the bits of a file whose owner it does not know, and the capabilities that the machine's root
// gave it, are passed over without a word (execve(2), capabilities(7)).
std::string power_of_program(const std::string& path) {
  struct stat status {};
  if (is_stages_own(path) || stat(path.c_str(), &status) != 0) return {};
  if ((status.st_mode & S_ISUID) != 0) return "set-user-ID";
  if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) return "set-group-ID";
  // EOVERFLOW: it has some, of another namespace's root.
  errno = 0;
  if (getxattr(path.c_str(), "security.capability", nullptr, 0) > 0 || errno == EOVERFLOW)
    return "run with capabilities";
  return {};
}

std::string unlike_as_root(const Effect& effect, const Credentials& as) {
  for (const Reserved& call : reserved()) {
    if (call.call != effect.call || !failed_with(effect, call.refusals)) continue;
    if (call.any_of == 0)
      return fmt::format("{} ran out of {}, which is charged otherwise without root", effect.call, call.what);
    if ((as.effective & call.any_of) != 0)
      return fmt::format("{} was refused, which {} over the machine would allow", effect.call, call.what);
  }
  if (!failed_with(effect, {EPERM, EACCES}) || effect.object.empty() || effect.object.front() != '/') return {};
  // The settings of the kernel are the machine's root's by his id alone (proc_sys(5)).
  if (effect.object.starts_with("/proc/sys/") && as.uid.effective == 0)
    return fmt::format("{} {} was refused, which the machine's root may", effect.call, effect.object);
  // What is not the stage's own belongs to ids that the namespace does not have.
  if ((as.effective & over_files) != 0 && !is_stages_own(effect.object))
    return fmt::format("{} {} was refused, which CAP_DAC_OVERRIDE over the machine would allow", effect.call,
                       effect.object);
  return {};
}

}  // namespace

std::vector<std::string> unlike_as_root(const std::vector<Effect>& effects, const CredentialsTable& credentials) {
  std::set<std::string> reasons;
  for (const Effect& effect : effects) {
    if (effect.decides == Decides::program && effect.finished && effect.result == 0) {
      if (const std::string power = power_of_program(effect.object); !power.empty())
        reasons.insert(fmt::format("{} is {}, and is not in a user namespace", effect.object, power));
      continue;
    }
    if (const std::string reason = unlike_as_root(effect, credentials[effect.as]); !reason.empty())
      reasons.insert(reason);
  }
  std::vector<std::string> all;
  for (const std::string& reason : reasons) all.push_back(std::string(needs_root) + reason);
  return all;
}

}  // namespace behalf::tool
