// Ids that may stand for others: in the place of what has no id in this user namespace the kernel shows "the overflow
// id", 65534, which is an account's as well (user_namespaces(7), "Unmapped user and group IDs").
#pragma once

#include <sys/types.h>

#include <vector>

namespace behalf::detail {

// Whether the id, or one of them, may be such a stand-in: it is the overflow id, and there are ids without one here.
// Where that cannot be found out, it may be. Cost: 3 system calls, and 3 more where it is the overflow id.
bool may_be_unmapped(uid_t uid);
bool may_be_unmapped(const std::vector<gid_t>& gids);

// Whether it is the overflow id. Cost: 3 system calls.
bool is_overflow_id(uid_t uid);

}  // namespace behalf::detail
