// Whose folders and environment they are: what the account database says of a token, or of the process itself.
#pragma once

#include "behalf/carried.h"
#include "identity/accounts.h"

namespace behalf::detail {

// From the token where it was made by the account database; else that is asked, as the service. The home is absolute.
// Throws Error of reason unknown_user.
Account person_of(const Carried& who);

// Throws Error of reason unknown_user where the home is no absolute path.
void must_have_home(const Account& account);

}  // namespace behalf::detail
