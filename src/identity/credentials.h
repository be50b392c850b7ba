// Credentials: what the kernel is to say of a thread, and how to ask it.
#pragma once

#include <linux/capability.h>
#include <sys/types.h>

#include <optional>
#include <vector>

#include "behalf/ids.h"
#include "identity/system_calls.h"

namespace behalf::detail {

struct Credentials {
  Ids uid;
  Ids gid;
  std::vector<gid_t> groups;  // sorted, each once
  Capabilities effective = 0;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// What a thread keeps while its ids change, and what decides how the kernel treats the change.
struct Powers {
  Capabilities permitted = 0;
  Capabilities inheritable = 0;
  // The kernel adjusts the capabilities at a change to and from uid 0: SECBIT_NO_SETUID_FIXUP is clear
  // (capabilities(7), "Effect of user ID changes on capabilities").
  bool adjusts = false;
};

constexpr Capabilities bit(int capability) noexcept {
  return Capabilities{1} << capability;
}

inline constexpr Capabilities switching_capabilities = bit(CAP_SETUID) | bit(CAP_SETGID);

// What the kernel drops and raises with fsuid (capabilities(7), number 4 of "Effect of user ID changes").
inline constexpr Capabilities file_capabilities = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
                                                  bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_LINUX_IMMUTABLE) |
                                                  bit(CAP_MKNOD) | bit(CAP_MAC_OVERRIDE);

inline constexpr uid_t no_id = static_cast<uid_t>(-1);

// A system call that did not do what it should. `error` is its errno, 0 where it claimed success and the kernel's
// state is another.
struct Failure {
  const char* call;
  int error;
};

struct ThreadState {
  Credentials credentials;
  Powers powers;
};

// The calling thread as the kernel has it. May throw std::bad_alloc. 8 system calls.
std::optional<Failure> read_thread(const SystemCalls& calls, ThreadState& state);

// One capget or capset of the calling thread.
struct CapabilitySets {
  Capabilities effective = 0;
  Capabilities permitted = 0;
  Capabilities inheritable = 0;
};
long get_capabilities(const SystemCalls& calls, CapabilitySets& sets) noexcept;
long set_capabilities(const SystemCalls& calls, const CapabilitySets& sets) noexcept;

void sort_groups(std::vector<gid_t>& groups);

}  // namespace behalf::detail
