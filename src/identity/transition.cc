#include "identity/transition.h"

#include <algorithm>

namespace behalf::detail {

namespace {

bool same_triple(const Ids& a, const Ids& b) noexcept {
  return a.real == b.real && a.effective == b.effective && a.saved == b.saved;
}

bool has(const Ids& ids, std::uint32_t id) noexcept {
  return ids.real == id || ids.effective == id || ids.saved == id;
}

// setresuid(2): an unprivileged thread may set each id to its present real, effective or saved one.
bool reachable(const Ids& from, const Ids& to) noexcept {
  return has(from, to.real) && has(from, to.effective) && has(from, to.saved);
}

// Makes the calls one by one and keeps account of what the thread is, as the manual pages tell it. The account decides
// what has to be called; whether it came true is read back at the end.
class Walk {
 public:
  Walk(const SystemCalls& calls, const Powers& powers, const Wish& from, const Wish& to) noexcept
      : calls_(calls),
        powers_(powers),
        uid_(from.credentials.uid),
        gid_(from.credentials.gid),
        wanted_(to.effective),
        effective_(from.effective) {}

  Capabilities effective() const noexcept { return effective_; }
  const Failure& failure() const noexcept { return failure_; }

  bool put_uids(uid_t real, uid_t effective, uid_t saved) noexcept {
    if (!did("setresuid", calls_.setresuid(real, effective, saved))) return false;
    if (powers_.adjusts && uid_.effective == 0 && effective != 0) effective_ = 0;
    if (powers_.adjusts && uid_.effective != 0 && effective == 0) effective_ = powers_.permitted;
    uid_ = {real, effective, saved, effective};
    return true;
  }

  bool put_uids(const Ids& to) noexcept {
    if (!same_triple(uid_, to)) {
      if (!reachable(uid_, to) && !raise()) return false;
      if (!put_uids(to.real, to.effective, to.saved)) return false;
    }
    if (uid_.fs == to.fs) return true;
    if (!has(uid_, to.fs) && !raise()) return false;
    calls_.setfsuid(to.fs);  // reports no error: setfsuid(2); read back at the end
    if (powers_.adjusts && uid_.fs == 0) effective_ &= ~file_capabilities;
    if (powers_.adjusts && to.fs == 0) effective_ |= file_capabilities & powers_.permitted;
    uid_.fs = to.fs;
    return true;
  }

  bool put_gids(const Ids& to) noexcept {
    if (!same_triple(gid_, to)) {
      if (!reachable(gid_, to) && !raise()) return false;
      if (!did("setresgid", calls_.setresgid(to.real, to.effective, to.saved))) return false;
      gid_ = {to.real, to.effective, to.saved, to.effective};
    }
    if (gid_.fs == to.fs) return true;
    if (!has(gid_, to.fs) && !raise()) return false;
    calls_.setfsgid(to.fs);
    gid_.fs = to.fs;
    return true;
  }

  bool put_groups(const std::vector<gid_t>& groups) noexcept {
    return raise() && did("setgroups", calls_.setgroups(groups.size(), groups.data()));
  }

  bool put_effective(Capabilities effective) noexcept {
    if (effective_ == effective) return true;
    if (!did("capset", set_capabilities(calls_, {effective, powers_.permitted, powers_.inheritable}))) return false;
    effective_ = effective;
    return true;
  }

  bool verify_uids(const Ids& to) noexcept {
    Ids uid;
    if (!did("getresuid", calls_.getresuid(&uid.real, &uid.effective, &uid.saved))) return false;
    return is("setresuid", same_triple(uid, to));
  }

  bool verify(const Wish& to, bool fs_ids, bool groups, std::vector<gid_t>& scratch) noexcept {
    return verify_ids(to.credentials, fs_ids) && (!groups || verify_groups(to.credentials.groups, scratch)) &&
           verify_capabilities(to.effective);
  }

 private:
  bool did(const char* call, long result) noexcept {
    if (result >= 0) return true;
    failure_ = {call, static_cast<int>(-result)};
    return false;
  }

  bool is(const char* call, bool as_wanted) noexcept {
    if (!as_wanted) failure_ = {call, 0};
    return as_wanted;
  }

  // To what is wanted in the end where that will do, which saves setting it then.
  bool raise() noexcept {
    if (enough(effective_)) return true;
    return put_effective(enough(wanted_) ? wanted_ : effective_ | (switching_capabilities & powers_.permitted));
  }

  static bool enough(Capabilities effective) noexcept {
    return (effective & switching_capabilities) == switching_capabilities;
  }

  bool verify_ids(const Credentials& to, bool fs_ids) noexcept {
    if (!verify_uids(to.uid)) return false;
    Ids gid;
    if (!did("getresgid", calls_.getresgid(&gid.real, &gid.effective, &gid.saved))) return false;
    if (!is("setresgid", same_triple(gid, to.gid))) return false;
    if (!fs_ids) return true;  // the kernel sets them with the effective ones: setresuid(2), "DESCRIPTION"
    return is("setfsuid", static_cast<uid_t>(calls_.setfsuid(no_id)) == to.uid.fs) &&
           is("setfsgid", static_cast<gid_t>(calls_.setfsgid(no_id)) == to.gid.fs);
  }

  bool verify_groups(const std::vector<gid_t>& wanted, std::vector<gid_t>& scratch) noexcept {
    // One more than wanted: a zero would ask for the number only.
    const long count = calls_.getgroups(wanted.size() + 1, scratch.data());
    if (!did("getgroups", count)) return false;
    if (!is("setgroups", static_cast<std::size_t>(count) == wanted.size())) return false;
    const auto end = scratch.begin() + count;
    if (std::equal(wanted.begin(), wanted.end(), scratch.begin(), end)) return true;
    std::sort(scratch.begin(), end);  // sorted by the kernel's own numbers, which a user namespace may map otherwise
    return is("setgroups", std::equal(wanted.begin(), wanted.end(), scratch.begin(), end));
  }

  bool verify_capabilities(Capabilities wanted) noexcept {
    CapabilitySets sets;
    if (!did("capget", get_capabilities(calls_, sets))) return false;
    if (sets.effective != wanted) {
      // Somebody changed the securebits or the capabilities under us: put them right, once.
      effective_ = sets.effective;
      if (!put_effective(wanted) || !did("capget", get_capabilities(calls_, sets))) return false;
    }
    return is("capset", sets.effective == wanted && sets.permitted == powers_.permitted);
  }

  const SystemCalls& calls_;
  const Powers& powers_;
  Ids uid_;
  Ids gid_;
  Capabilities wanted_;
  Capabilities effective_;
  Failure failure_{"", 0};
};

}  // namespace

bool differs(const Wish& from, const Wish& to) noexcept {
  const Credentials& a = from.credentials;
  const Credentials& b = to.credentials;
  return a.uid != b.uid || a.gid != b.gid || a.groups != b.groups || from.effective != to.effective;
}

std::optional<Failure> transition(const SystemCalls& calls, const Powers& powers, uid_t service, const Wish& from,
                                  const Wish& to, std::vector<gid_t>& scratch) noexcept {
  const Credentials& old = from.credentials;
  const Credentials& wanted = to.credentials;
  const bool groups = old.groups != wanted.groups;
  const bool fs_ids = old.uid.fs != old.uid.effective || wanted.uid.fs != wanted.uid.effective ||
                      old.gid.fs != old.gid.effective || wanted.gid.fs != wanted.gid.effective;
  const bool ids = groups || old.gid != wanted.gid || old.uid != wanted.uid;

  Walk walk(calls, powers, from, to);
  bool done = true;
  if (ids && old.uid.effective != service) {
    const bool at_once = wanted.uid.effective == service && reachable(old.uid, wanted.uid);
    done = at_once ? walk.put_uids(wanted.uid.real, service, wanted.uid.saved)
                   : walk.put_uids(old.uid.real, service, old.uid.saved);
  } else if (old.uid.fs != service && wanted.uid.fs == service && same_triple(old.uid, wanted.uid)) {
    done = walk.put_uids(wanted.uid);
  }
  done = done && (!groups || walk.put_groups(wanted.groups)) && walk.put_gids(wanted.gid) &&
         walk.put_uids(wanted.uid) && walk.put_effective(to.effective) && walk.verify(to, fs_ids, groups, scratch);
  if (done) return std::nullopt;
  return walk.failure();
}

std::optional<Failure> take_service_uids(const SystemCalls& calls, const Powers& powers, const Ids& service,
                                         const Wish& from, Capabilities& effective) noexcept {
  Walk walk(calls, powers, from, from);
  if (!walk.put_uids(service) || !walk.verify_uids(service)) return walk.failure();
  effective = walk.effective();
  return std::nullopt;
}

std::optional<Failure> look_at_thread(const SystemCalls& calls, const Powers& powers, const Wish& wish,
                                      std::vector<gid_t>& scratch) noexcept {
  Walk walk(calls, powers, wish, wish);
  if (walk.verify(wish, true, true, scratch)) return std::nullopt;
  return walk.failure();
}

bool can_come_back(const Powers& powers, uid_t service, const Credentials& from, const Credentials& to) noexcept {
  if (!powers.adjusts || has(from.uid, 0)) return true;
  return service != 0 && !has(to.uid, 0);
}

}  // namespace behalf::detail
