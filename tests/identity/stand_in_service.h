// Services and users to test with. No account of these numbers needs to exist.
#pragma once

#include <cstdint>
#include <string>

#include "behalf/initialize.h"
#include "behalf/token.h"
#include "kernel_view.h"

namespace behalf::testing {

inline constexpr uid_t alice_id = 3001;
inline constexpr uid_t bob_id = 3002;
inline constexpr uid_t account_id = 3003;  // the service that is not root
inline constexpr uid_t spare_id = 3009;
inline constexpr gid_t devs = 3100;
inline constexpr gid_t staff = 3200;

enum class ServiceKind {
  root,     // uid 0, with groups of its own
  account,  // uid 3003 with ambient CAP_SETUID and CAP_SETGID, as systemd's AmbientCapabilities= makes it
  unfixed,  // uid 0 with SECBIT_NO_SETUID_FIXUP
};

std::string to_words(ServiceKind kind);

// Makes the calling process, which must be root and have one thread, that service. Does not call initialize().
void become(ServiceKind kind);

// become() and initialize() with a spare account.
void start(ServiceKind kind, Options options = {});

// Sets ids, groups and effective capabilities of the calling thread by raw system calls; the thread must be root.
struct RawState {
  Ids uid;
  Ids gid;
  std::vector<gid_t> groups;
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  unsigned long securebits = 0;
};
void make_thread(const RawState& state);

Token alice();
Token bob();

// A token of any posture, with the powers it takes.
Token in_posture(const Token& token, Posture posture);

// What the kernel must say of a thread that wears the token, worked out by the table of vocabulary: for a thread that
// was `service` before.
KernelView expected(const KernelView& service, const Token& token, Posture posture);

}  // namespace behalf::testing
