// What a stage in a user namespace cannot tell. There the service's root has every capability, but over its namespace
// alone: what the kernel grants to the machine's root only (user_namespaces(7), "Capabilities"), it is refused like
// anybody else, and an operation that leaks that power would seem to work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "judge/leg.h"

namespace behalf::tool {

// Every reason for an unclear verdict that root would clear up begins with this.
inline constexpr std::string_view needs_root = "needs root: ";

// What was seen in a leg that would have gone otherwise on the machine's own ground; reasons, or nothing. An effect
// that was refused to a thread with the capability for it; a count that ran out, for the kernel charges it to the
// namespace's owner too and exempts the machine's root alone; a program whose set-user-ID bit or file capabilities
// meant nothing.
std::vector<std::string> unlike_as_root(const std::vector<Effect>& effects, const CredentialsTable& credentials);

}  // namespace behalf::tool
