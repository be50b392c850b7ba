#include "identity/credentials.h"

#include <linux/securebits.h>
#include <sys/prctl.h>

#include <algorithm>

namespace behalf::detail {

long get_capabilities(const SystemCalls& calls, CapabilitySets& sets) noexcept {
  SystemCalls::Header header{_LINUX_CAPABILITY_VERSION_3, 0};
  SystemCalls::Data data[_LINUX_CAPABILITY_U32S_3] = {};
  const long result = calls.capget(&header, data);
  if (result < 0) return result;
  const auto join = [](std::uint32_t low, std::uint32_t high) { return low | Capabilities{high} << 32; };
  sets = {join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
          join(data[0].inheritable, data[1].inheritable)};
  return 0;
}

long set_capabilities(const SystemCalls& calls, const CapabilitySets& sets) noexcept {
  SystemCalls::Header header{_LINUX_CAPABILITY_VERSION_3, 0};
  SystemCalls::Data data[_LINUX_CAPABILITY_U32S_3];
  for (int word = 0; word < _LINUX_CAPABILITY_U32S_3; ++word) {
    const auto part = [word](Capabilities set) { return static_cast<std::uint32_t>(set >> (32 * word)); };
    data[word] = {part(sets.effective), part(sets.permitted), part(sets.inheritable)};
  }
  return calls.capset(&header, data);
}

std::optional<Failure> read_thread(const SystemCalls& calls, ThreadState& state) {
  const auto failed = [](const char* call, long result) { return Failure{call, static_cast<int>(-result)}; };
  Ids& uid = state.credentials.uid;
  Ids& gid = state.credentials.gid;
  if (const long r = calls.getresuid(&uid.real, &uid.effective, &uid.saved); r < 0) return failed("getresuid", r);
  if (const long r = calls.getresgid(&gid.real, &gid.effective, &gid.saved); r < 0) return failed("getresgid", r);
  // No id is -1, so these change nothing and return what is (setfsuid(2), "BUGS"). They have no error of their own, but
  // a seccomp filter can give them one.
  const long fsuid = calls.setfsuid(no_id);
  if (fsuid < 0) return failed("setfsuid", fsuid);
  const long fsgid = calls.setfsgid(no_id);
  if (fsgid < 0) return failed("setfsgid", fsgid);
  uid.fs = static_cast<uid_t>(fsuid);
  gid.fs = static_cast<gid_t>(fsgid);

  std::vector<gid_t>& groups = state.credentials.groups;
  const long count = calls.getgroups(0, nullptr);
  if (count < 0) return failed("getgroups", count);
  groups.resize(static_cast<std::size_t>(count));
  if (count > 0) {
    if (const long r = calls.getgroups(groups.size(), groups.data()); r != count) {
      return r < 0 ? failed("getgroups", r) : Failure{"getgroups", 0};
    }
  }
  sort_groups(groups);

  CapabilitySets sets;
  if (const long r = get_capabilities(calls, sets); r < 0) return failed("capget", r);
  const long securebits = calls.prctl(PR_GET_SECUREBITS, 0, 0);
  if (securebits < 0) return failed("prctl", securebits);
  state.credentials.effective = sets.effective;
  state.powers = {sets.permitted, sets.inheritable, (securebits & SECBIT_NO_SETUID_FIXUP) == 0};
  return std::nullopt;
}

void sort_groups(std::vector<gid_t>& groups) {
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
}

}  // namespace behalf::detail
