#include "identity/self_test.h"

#include <linux/keyctl.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "identity/errors.h"
#include "identity/numbers_in_file.h"
#include "identity/transition.h"

namespace behalf::detail {

namespace {

// An id to try the switches with: a user namespace may map few (user_namespaces(7)). Nothing needs to have it.
std::optional<std::uint32_t> mapped_id(const char* map, std::uint32_t smallest,
                                       const std::vector<std::uint32_t>& taken) {
  const std::vector<std::uint64_t> lines = numbers_in_file(map);
  for (std::size_t i = 0; i + 3 <= lines.size(); i += 3) {
    const std::uint64_t inside = lines[i];
    const std::uint64_t count = lines[i + 2];
    const std::uint64_t first = std::max<std::uint64_t>(inside, smallest);
    for (std::uint64_t id = first; id < std::min<std::uint64_t>(inside + count, no_id); ++id) {
      const auto candidate = static_cast<std::uint32_t>(id);
      if (std::find(taken.begin(), taken.end(), candidate) == taken.end()) return candidate;
    }
  }
  return std::nullopt;
}

class Trial {
 public:
  Trial(const Service& service, SelfTest& result) : service_(service), result_(result) {}

  void run() {
    const std::vector<std::uint32_t> uids = {0, service_.own.uid.effective, service_.spare ? service_.spare->uid : 0};
    const std::vector<std::uint32_t> gids = {0, service_.own.gid.effective};
    const auto uid = mapped_id("/proc/self/uid_map", service_.fences.min_uid, uids);
    const auto gid = mapped_id("/proc/self/gid_map", service_.fences.min_gid, gids);
    if (!uid || !gid) {
      result_.broken = "no uid or gid that the fences allow is mapped in this user namespace (/proc/self/uid_map)";
      return;
    }
    for (const Posture posture : {Posture::full, Posture::effective, Posture::files, Posture::shielded}) {
      if (posture == Posture::shielded && !service_.spare) continue;
      if (!try_posture(posture, *uid, *gid)) return;
    }
    try_keyring();
  }

 private:
  void note(std::string fact, std::string found) { result_.probes.push_back({std::move(fact), std::move(found)}); }

  bool broken(const std::string& fact, const Failure& failure) {
    result_.broken = fact + ": " + failure.call + ": " +
                     (failure.error != 0 ? error_words(failure.error) : "it did not do what the manual says");
    return false;
  }

  // Takes the posture, looks at all the kernel says, gives it back, looks again.
  bool try_posture(Posture posture, uid_t uid, gid_t gid) {
    const SystemCalls& calls = system_calls();
    const std::string fact = "posture " + std::string{to_string(posture)};
    TokenData user;
    user.uid = uid;
    user.gid = gid;
    user.posture = posture;
    user.wear.groups = {gid};
    const Credentials worn = wear(service_, user);
    std::vector<gid_t> scratch(service_.own.groups.size() + 2);
    const Wish own{service_.own, service_.own.effective};
    const Wish wish{worn, worn.effective};
    const uid_t service = service_.own.uid.effective;

    if (const auto f = transition(calls, service_.powers, service, own, wish, scratch)) return broken(fact, *f);
    if (!is(fact + ", worn", worn)) return false;
    if (const auto f = transition(calls, service_.powers, service, wish, own, scratch)) return broken(fact, *f);
    if (!is(fact + ", given back", service_.own)) return false;
    note(fact, "taken and given back exactly");
    return true;
  }

  bool is(const std::string& fact, const Credentials& wanted) {
    ThreadState state;
    if (const auto f = read_thread(system_calls(), state)) return broken(fact, *f);
    const Credentials& found = state.credentials;
    if (found == wanted && state.powers.permitted == service_.powers.permitted) return true;
    result_.broken = fact + ": the thread's uids are " + describe(found.uid) + " and its gids " + describe(found.gid) +
                     ", wanted were " + describe(wanted.uid) + " and " + describe(wanted.gid) +
                     (found.effective != wanted.effective ? "; its effective capabilities differ" : "") +
                     (found.groups != wanted.groups ? "; its groups differ" : "");
    return false;
  }

  // A kernel without keyrings, or a seccomp filter that forbids keyctl(2), leaves nothing to separate.
  void try_keyring() {
    const long result = system_calls().keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0);
    result_.session_keyrings = result >= 0 || (result != -ENOSYS && result != -EPERM);
    note("session keyrings",
         result >= 0 ? "a thread can have one of its own" : "not to be had: " + error_words(static_cast<int>(-result)));
  }

  const Service& service_;
  SelfTest& result_;
};

}  // namespace

SelfTest self_test(const Service& service) {
  SelfTest result;
  std::exception_ptr thrown;
  std::thread thread([&] {
    try {
      Trial(service, result).run();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  thread.join();
  if (thrown) std::rethrow_exception(thrown);
  return result;
}

}  // namespace behalf::detail
