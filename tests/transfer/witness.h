// Who code ran as, by the kernel's word.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "behalf/token.h"
#include "child.h"
#include "kernel_view.h"

namespace behalf::testing {

// The calling thread's effective uid, by a raw call.
inline uid_t uid_now() {
  return static_cast<uid_t>(::syscall(SYS_geteuid));
}

// What the kernel says of the calling thread differs from the token; empty where it does not. Raw calls alone.
inline std::string difference(const Token& token) {
  Ids uid;
  Ids gid;
  ::syscall(SYS_getresuid, &uid.real, &uid.effective, &uid.saved);
  ::syscall(SYS_getresgid, &gid.real, &gid.effective, &gid.saved);
  uid.fs = static_cast<std::uint32_t>(::syscall(SYS_setfsuid, -1));
  gid.fs = static_cast<std::uint32_t>(::syscall(SYS_setfsgid, -1));
  std::vector<gid_t> groups(256);
  groups.resize(static_cast<std::size_t>(::syscall(SYS_getgroups, 256, groups.data())));
  std::sort(groups.begin(), groups.end());
  if (uid == token.uids() && gid == token.gids() && groups == token.groups()) return {};
  return "wanted uid " + std::to_string(token.uid()) + ", the thread is " + in_words(kernel_view());
}

// Notes as whom it was destroyed.
class Witness {
 public:
  explicit Witness(uid_t& destroyed_as) : destroyed_as_(&destroyed_as) {}
  Witness(Witness&& other) noexcept : destroyed_as_(std::exchange(other.destroyed_as_, nullptr)) {}
  Witness& operator=(Witness&&) = delete;
  ~Witness() {
    if (destroyed_as_ != nullptr) *destroyed_as_ = uid_now();
  }

 private:
  uid_t* destroyed_as_;
};

inline constexpr uid_t nobody_yet = 4'000'000'000U;

}  // namespace behalf::testing
