// The transition: from what a thread wears to what it is to wear.
//
// The order, and why (setresuid(2), setgroups(2), capabilities(7)):
//   1. user ids first where they are the service's again: the saved id allows it without any capability, and at uid 0
//      the kernel raises the effective capabilities;
//   2. effective capabilities raised, where the kernel did not do it;
//   3. groups, 4. group ids: both need CAP_SETGID, which is gone once the user ids are the user's;
//   5. user ids last;
//   6. effective capabilities set exactly, where the kernel did not do it: without it a service that is not root would
//      keep CAP_SETUID and whatever else it has;
//   7. everything read back.
// Parts that do not change are skipped.
#pragma once

#include <optional>
#include <vector>

#include "identity/credentials.h"

namespace behalf::detail {

struct Wish {
  const Credentials& credentials;
  Capabilities effective;  // credentials.effective as far as the thread is permitted it
};

// Whether the two differ in anything the kernel keeps.
bool differs(const Wish& from, const Wish& to) noexcept;

// Makes the calling thread, which is `from`, what `to` says. `service` is the service's uid. `scratch` must hold
// room for one group more than either side has; it is not enlarged. After a failure the thread may be anything in
// between: read it.
std::optional<Failure> transition(const SystemCalls& calls, const Powers& powers, uid_t service, const Wish& from,
                                  const Wish& to, std::vector<gid_t>& scratch) noexcept;

// The first step by itself, read back: the user ids become the service's, and nothing else. `effective` becomes what
// the kernel has made of the effective capabilities.
std::optional<Failure> take_service_uids(const SystemCalls& calls, const Powers& powers, const Ids& service,
                                         const Wish& from, Capabilities& effective) noexcept;

// Whether the calling thread is what `wish` says, as the kernel has it. Effective capabilities that are not are put
// right. 6 system calls; `scratch` as above.
std::optional<Failure> look_at_thread(const SystemCalls& calls, const Powers& powers, const Wish& wish,
                                      std::vector<gid_t>& scratch) noexcept;

// Whether a thread that goes from `from` to `to` could come back. With no id 0 left the kernel empties the permitted
// capabilities for good, so a thread without one is not led through uid 0.
bool can_come_back(const Powers& powers, uid_t service, const Credentials& from, const Credentials& to) noexcept;

}  // namespace behalf::detail
