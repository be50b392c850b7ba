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

// Whose credentials these are instead of the expected account's, as far as they decide: the name of an account,
// "uid N", or what of the expected account is not right ("alice with other groups").
std::string who_is(const Account& expected, const Credentials& as, Decides decides);

// Below one of the folders that the stage does not have from the machine: where operations do their work.
bool is_stages_own(std::string_view path);

// True when nothing depends on who does it: a look at a file of the machine that everybody may look at, or at one that
// everybody can see is not there. (Loading a library, reading the time zone: no effect in the sense of the word.)
bool same_for_everybody(const Effect& effect);

}  // namespace behalf::tool
