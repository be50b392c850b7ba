// What a change of identity left behind. Who has given up the service's user ids for good, the saved one too, means to
// be the user alone: whatever else is still the service's then was forgotten, and can be used (credentials(7)).
#pragma once

#include <string>

#include "stage/accounts.h"
#include "trace/credentials.h"

namespace behalf::tool {

// "the saved gid 0", "the group 0", "capabilities"; empty when nothing is, or when no such change was made.
std::string leftover(const Account& user, const Credentials& as);

}  // namespace behalf::tool
