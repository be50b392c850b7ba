// What "with that user's ids and groups" means for one effect: which ids the kernel judges it by, compared with whose
// they should be.
#pragma once

#include <string>
#include <string_view>

#include "stage/accounts.h"
#include "trace/event.h"

namespace behalf::tool {

// True when the credentials are the account's as far as they decide this kind of effect.
bool ran_as(const Account& account, const Credentials& as, Decides decides);

// Whose credentials these are, as far as they decide: the name of an account, or "uid N".
std::string who_is(const Credentials& as, Decides decides);

}  // namespace behalf::tool
