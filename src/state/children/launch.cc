#include "state/children/launch.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <iterator>

#include "identity/credentials.h"

namespace behalf::detail {

namespace {

// What a step says: 0, an errno negated, or this, where a system call claimed success and did nothing.
constexpr long no_effect = 1;

long unless(bool as_wanted) noexcept {
  return as_wanted ? 0 : no_effect;
}

// A system call that tells what is: its error, or whether it is as wanted.
long told(long result, long wanted) noexcept {
  return result < 0 ? result : unless(result == wanted);
}

// exec leaves ignored signals ignored; and before it, a handler of the service's would run here, in its memory.
long reset_signals(const Launch& to) noexcept {
  constexpr SystemCalls::Action by_default;
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    if (const long result = to.calls->rt_sigaction(signal, &by_default); result < 0) return result;
  }
  return 0;
}

long begin_session(const Launch& to) noexcept {
  if (!to.new_session) return 0;
  const long session = to.calls->setsid();
  return session < 0 ? session : unless(session > 0);
}

// What is where another is wanted is first copied to where none is, since the numbers here and there may cross.
long give_descriptors(const Launch& to) noexcept {
  const int above = to.descriptor_count == 0 ? 0 : to.descriptors[to.descriptor_count - 1].there + 1;
  for (std::size_t i = 0; i < to.descriptor_count; ++i) {
    const int here = to.descriptors[i].here;
    const long copy =
        here >= above ? here : to.calls->fcntl(here, F_DUPFD_CLOEXEC, static_cast<unsigned long>(std::max(above, 3)));
    if (copy < 0) return copy;
    to.copies[i] = static_cast<int>(copy);
  }
  for (std::size_t i = 0; i < to.descriptor_count; ++i) {
    if (const long result = to.calls->dup3(to.copies[i], to.descriptors[i].there, 0); result < 0) return result;
  }
  return 0;
}

long take_terminal(const Launch& to) noexcept {
  return to.take_terminal ? to.calls->ioctl(0, TIOCSCTTY, 0) : 0;
}

long close_others(const Launch& to) noexcept {
  unsigned next = 0;
  for (std::size_t i = 0; i < to.descriptor_count; ++i) {
    const auto kept = static_cast<unsigned>(to.descriptors[i].there);
    if (kept > next) {
      if (const long result = to.calls->close_range(next, kept - 1, 0); result < 0) return result;
    }
    next = kept + 1;
  }
  return to.calls->close_range(next, ~0U, 0);
}

long set_limits(const Launch& to) noexcept {
  for (std::size_t i = 0; i < to.limit_count; ++i) {
    const ResourceLimit& limit = to.limits[i];
    if (const long result = to.calls->setrlimit(limit.resource, &limit.limit); result < 0) return result;
  }
  return 0;
}

// They outlive exec, and with some of them a set-user-ID program does not drop what it means to drop.
long reset_securebits(const Launch& to) noexcept {
  const long bits = to.calls->prctl(PR_GET_SECUREBITS, 0, 0);
  if (bits <= 0) return bits;
  if (const long result = to.calls->prctl(PR_SET_SECUREBITS, 0, 0); result < 0) return result;
  return told(to.calls->prctl(PR_GET_SECUREBITS, 0, 0), 0);
}

long drop_bounding_set(const Launch& to) noexcept {
  for (Capabilities left = to.to_drop; left != 0; left &= left - 1) {
    const long dropped = to.calls->prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(std::countr_zero(left)), 0);
    if (dropped < 0) return dropped;
  }
  return 0;
}

long set_groups(const Launch& to) noexcept {
  return to.calls->setgroups(to.group_count, to.groups);
}

long set_gids(const Launch& to) noexcept {
  return to.calls->setresgid(to.gid, to.gid, to.gid);
}

long set_uids(const Launch& to) noexcept {
  return to.calls->setresuid(to.uid, to.uid, to.uid);
}

// The ambient ones go with the permitted (capabilities(7), "Ambient"). Root's have gone with its ids already, but for
// the inheritable.
long drop_capabilities(const Launch& to) noexcept {
  CapabilitySets sets;
  if (const long result = get_capabilities(*to.calls, sets); result < 0) return result;
  return (sets.effective | sets.permitted | sets.inheritable) == 0 ? 0 : set_capabilities(*to.calls, {});
}

// A keyring counts on the user's quota until the kernel has freed the credentials of the last process that had it,
// which it does some time after that has ended (Documentation/RCU): who starts many programs of hers in a row waits for
// it, half a second at most.
long join_new_keyring(const Launch& to) noexcept {
  constexpr long first_wait = 1'000'000, longest_wait = 256'000'000;
  for (long wait = first_wait;; wait *= 2) {
    const long joined = to.calls->keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0);
    if (joined != -EDQUOT || wait > longest_wait) return joined;
    to.calls->nanosleep(wait);
  }
}

// As the user, whose quota it counts on. pam_keyinit(8) makes it so, too.
long join_keyring(const Launch& to) noexcept {
  if (!to.keyrings) return 0;
  const auto session = static_cast<unsigned long>(KEY_SPEC_SESSION_KEYRING);
  const long joined = join_new_keyring(to);
  if (joined < 0) return joined;
  if (const long wrong = told(to.calls->keyctl(KEYCTL_GET_KEYRING_ID, session, 0), joined); wrong != 0) return wrong;
  return to.calls->keyctl(KEYCTL_LINK, static_cast<unsigned long>(KEY_SPEC_USER_KEYRING), session);
}

long enter_directory(const Launch& to) noexcept {
  return to.calls->chdir(to.directory);
}

long set_umask(const Launch& to) noexcept {
  to.calls->umask(to.umask);
  return told(to.calls->umask(to.umask), static_cast<long>(to.umask));
}

long refuse_privileges(const Launch& to) noexcept {
  if (!to.no_new_privileges) return 0;
  if (const long result = to.calls->prctl(PR_SET_NO_NEW_PRIVS, 1, 0); result < 0) return result;
  return told(to.calls->prctl(PR_GET_NO_NEW_PRIVS, 0, 0), 1);
}

long read_ids(const Launch& to) noexcept {
  Ids uid;
  Ids gid;
  if (const long result = to.calls->getresuid(&uid.real, &uid.effective, &uid.saved); result < 0) return result;
  if (const long result = to.calls->getresgid(&gid.real, &gid.effective, &gid.saved); result < 0) return result;
  uid.fs = static_cast<uid_t>(to.calls->setfsuid(no_id));
  gid.fs = static_cast<gid_t>(to.calls->setfsgid(no_id));
  return unless(uid == Ids{to.uid, to.uid, to.uid, to.uid} && gid == Ids{to.gid, to.gid, to.gid, to.gid});
}

long read_groups(const Launch& to) noexcept {
  const long count = to.calls->getgroups(to.group_count + 1, to.scratch);
  if (count < 0) return count;
  // Sorted by the kernel's own numbers, which a user namespace may map otherwise.
  std::sort(to.scratch, to.scratch + count);
  return unless(std::equal(to.groups, to.groups + to.group_count, to.scratch, to.scratch + count));
}

long read_capabilities(const Launch& to) noexcept {
  CapabilitySets sets;
  if (const long result = get_capabilities(*to.calls, sets); result < 0) return result;
  if ((sets.effective | sets.permitted | sets.inheritable) != 0) return no_effect;
  for (Capabilities left = to.to_drop; left != 0; left &= left - 1) {
    const long there = told(to.calls->prctl(PR_CAPBSET_READ, static_cast<unsigned long>(std::countr_zero(left)), 0), 0);
    if (there != 0) return there;
  }
  return 0;
}

// What the ids that were read back promise, tried: a success means that the user's program could do it, too.
long try_to_go_back(const Launch& to) noexcept {
  const SystemCalls& calls = *to.calls;
  const bool went_back = calls.setresuid(no_id, to.service_uid, no_id) >= 0 || calls.setresuid(0, 0, 0) >= 0 ||
                         (to.gid != to.service_gid && calls.setresgid(no_id, to.service_gid, no_id) >= 0) ||
                         calls.setresgid(0, 0, 0) >= 0 || calls.setgroups(to.group_count, to.groups) >= 0;
  return unless(!went_back);
}

long unblock_signals(const Launch& to) noexcept {
  constexpr std::uint64_t none = 0;
  return to.calls->rt_sigprocmask(SIG_SETMASK, &none, nullptr);
}

// As execvp(3) goes through PATH: what may not be executed is told where nothing else is found.
__attribute__((no_sanitize("thread"))) long execute(const Launch& to) noexcept {
  long refusal = -ENOENT;
  for (const char* const* program = to.programs; *program != nullptr; ++program) {
    const long refused = to.calls->execve(*program, to.argv, to.environment);
    if (refused == -EACCES) refusal = refused;
    if (refused != -EACCES && refused != -ENOENT && refused != -ENOTDIR) return refused;
  }
  return refusal;
}

// In this order, because: limits, securebits and the bounding set need what the service may; groups come before ids,
// user ids last, or the right to set them is gone; keyring and directory are the user's, and so is whether she may.
// Everything is read back before the program begins, and tried last of all.
struct Step {
  const char* name;
  long (*take)(const Launch& to) noexcept;
};
constexpr Step steps[] = {
    {"reset the signals", reset_signals},
    {"begin a session", begin_session},
    {"hand over the descriptors", give_descriptors},
    {"take the terminal", take_terminal},
    {"close the other descriptors", close_others},
    {"set the limits", set_limits},
    {"reset the securebits", reset_securebits},
    {"empty the bounding set", drop_bounding_set},
    {"set the groups", set_groups},
    {"set the group ids", set_gids},
    {"set the user ids", set_uids},
    {"drop the capabilities", drop_capabilities},
    {"join a session keyring", join_keyring},
    {"enter the directory", enter_directory},
    {"set the umask", set_umask},
    {"refuse new privileges", refuse_privileges},
    {"read the ids back", read_ids},
    {"read the groups back", read_groups},
    {"read the capabilities back", read_capabilities},
    {"be refused the way back", try_to_go_back},
    {"unblock the signals", unblock_signals},
    {SpawnError::execution.data(), execute},
};

}  // namespace

// What does not return is not counted by ThreadSanitizer: it keeps its count in memory that the parent goes on with.
__attribute__((no_sanitize("thread"))) int launch(void* of) noexcept {
  Launch& to = *static_cast<Launch*>(of);
  for (const Step& step : steps) {
    to.step = step.name;
    const long result = step.take(to);
    if (result == 0) continue;
    to.error = result < 0 ? static_cast<int>(-result) : 0;
    to.failed = true;
    return 127;
  }
  return 127;
}

const char* last_step() noexcept {
  return std::end(steps)[-1].name;
}

}  // namespace behalf::detail
