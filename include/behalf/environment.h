// environment(): what a log-in of that user would find in its environment, made from the token and not from the
// process.
//
//   behalf::Impersonation as{alice};
//   for (const std::string& variable : behalf::environment()) child.push_back(variable);   // HOME=/home/alice, …
//   std::string path = behalf::expand("~/notes/$USER.txt");                                // without a shell
//
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "behalf/carried.h"

namespace behalf {

// Effects: HOME, USER, LOGNAME, SHELL, PATH, LANG of the machine (C.UTF-8 where none is set), XDG_RUNTIME_DIR where
// there is one, as "NAME=value". Nothing else of the process's environment is in it: no LD_*, no KRB5CCNAME, no secrets
// of the service's. Errors: as of known_folder(). Thread-safe. Cost: a system call, and as of known_folder(home).
[[nodiscard]] std::vector<std::string> environment(const Carried& who = Carried());

// Effects: replaces a leading ~ by the home, ~name by that user's, and $NAME and ${NAME} by the value in environment();
// a name that is not there by nothing, as a shell does. A backslash takes the meaning from what follows it. No command
// is run, no file name is matched. Errors: as of environment(); Error of reason unknown_user for ~name;
// std::invalid_argument for a ${ without its end. Thread-safe.
[[nodiscard]] std::string expand(std::string_view text, const Carried& who = Carried());

}  // namespace behalf
