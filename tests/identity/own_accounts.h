// An account database of our own.
#pragma once

#include <string>

namespace behalf::testing {

// The calling process, which must be root, sees these as /etc/passwd and /etc/group from now on: in a mount namespace
// of its own.
void own_accounts(const std::string& passwd, const std::string& group);

}  // namespace behalf::testing
