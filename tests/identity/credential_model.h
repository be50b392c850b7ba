// A small executable model of what the kernel does to a thread's credentials, written from the manual pages
// (setresuid(2), setfsuid(2), setgroups(2), capset(2), capabilities(7)) and not from the library's code. After Chen,
// Wagner and Dean, "Setuid Demystified" (USENIX Security 2002), with Linux's fs ids and capabilities added.
#pragma once

#include <linux/capability.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "behalf/ids.h"

namespace behalf::testing {

struct Model {
  Ids uid;
  Ids gid;
  std::vector<gid_t> groups;
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
  bool fixup = true;  // SECBIT_NO_SETUID_FIXUP is clear

  friend bool operator==(const Model&, const Model&) = default;

  static constexpr std::uint32_t keep = static_cast<std::uint32_t>(-1);

  bool capable(int capability) const { return (effective >> capability & 1) != 0; }

  long setresuid(std::uint32_t r, std::uint32_t e, std::uint32_t s) {
    const Ids old = uid;
    if (const long error = set_three(uid, r, e, s, capable(CAP_SETUID)); error != 0) return error;
    if (!fixup) return 0;
    const auto root = [](const Ids& ids) { return ids.real == 0 || ids.effective == 0 || ids.saved == 0; };
    if (root(old) && !root(uid)) permitted = effective = 0;
    if (old.effective == 0 && uid.effective != 0) effective = 0;
    if (old.effective != 0 && uid.effective == 0) effective = permitted;
    return 0;
  }

  long setresgid(std::uint32_t r, std::uint32_t e, std::uint32_t s) {
    return set_three(gid, r, e, s, capable(CAP_SETGID));
  }

  long setfsuid(std::uint32_t id) {
    const Ids old = uid;
    set_fs(uid, id, capable(CAP_SETUID));
    if (fixup && old.fs == 0 && uid.fs != 0) effective &= ~over_files;
    if (fixup && old.fs != 0 && uid.fs == 0) effective |= over_files & permitted;
    return old.fs;
  }

  long setfsgid(std::uint32_t id) {
    const std::uint32_t old = gid.fs;
    set_fs(gid, id, capable(CAP_SETGID));
    return old;
  }

  long setgroups(const std::vector<gid_t>& list) {
    if (!capable(CAP_SETGID)) return -EPERM;
    groups = list;
    return 0;
  }

  long capset(std::uint64_t new_effective, std::uint64_t new_permitted, std::uint64_t new_inheritable) {
    if ((new_permitted & ~permitted) != 0 || (new_effective & ~new_permitted) != 0) return -EPERM;
    if ((new_inheritable & ~(inheritable | permitted)) != 0) return -EPERM;
    effective = new_effective;
    permitted = new_permitted;
    inheritable = new_inheritable;
    return 0;
  }

 private:
  // CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE
  static constexpr std::uint64_t over_files = 0b11111 | 1ULL << 9 | 1ULL << 27 | 1ULL << 32;

  static bool one_of(const Ids& ids, std::uint32_t id) {
    return id == ids.real || id == ids.effective || id == ids.saved;
  }

  static long set_three(Ids& ids, std::uint32_t r, std::uint32_t e, std::uint32_t s, bool privileged) {
    for (const std::uint32_t id : {r, e, s}) {
      if (id != keep && !privileged && !one_of(ids, id)) return -EPERM;
    }
    const Ids old = ids;
    if (r != keep) ids.real = r;
    if (e != keep) ids.effective = e;
    if (s != keep) ids.saved = s;
    // A call that asks for nothing that is not so already leaves fs alone; any other sets it.
    const bool nothing =
        ids.real == old.real && ids.saved == old.saved && (e == keep || (e == old.effective && e == old.fs));
    if (!nothing) ids.fs = ids.effective;
    return 0;
  }

  static void set_fs(Ids& ids, std::uint32_t id, bool privileged) {
    if (id != keep && (privileged || one_of(ids, id) || id == ids.fs)) ids.fs = id;
  }
};

}  // namespace behalf::testing
