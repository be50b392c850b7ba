// access_allowed(): whether whoever the thread wears, or the identity given, may do that to a file.
//
//   behalf::Impersonation as{alice};
//   save.enable(behalf::access_allowed("report.txt", W_OK));
//   const bool his = behalf::access_allowed("/srv/projects", R_OK | X_OK, bob);
//
//   // A client that lets a server look, and not act (level `identification`): this is what it may be asked for.
//   show.enable(behalf::access_allowed("report.txt", R_OK, *behalf::CallContext::current().client()));
//
// access(2) asks by the real ids, which are the service's, or the spare account's, in all postures but `full`; and
// glibc's faccessat(3) works an answer out by itself where the kernel is too old for it, without access control lists.
//
// The answer is for showing. Who goes on to open the file asks by opening it: things change meanwhile.
#pragma once

#include <unistd.h>

#include <filesystem>

#include "behalf/carried.h"
#include "behalf/token.h"

namespace behalf {

// Effects: asks the kernel, by effective ids, groups and capabilities, about R_OK, W_OK and X_OK, or about F_OK. False
// where it is denied (access(2): EACCES, EPERM, EROFS, ETXTBSY).
//
// Errors: Error of reason not_there where there is no such file, as far as that user can see; platform for all that is
// no answer; those of Carried, and as of Impersonation. Thread-safe. Cost: a system call, and an Impersonation where an
// identity is given. Rests on: faccessat2(2), Linux 5.8.
[[nodiscard]] bool access_allowed(const std::filesystem::path& path, int mode, const Carried& who = Carried());

// Of that user, whom a token of level `identification` is enough for: nothing but this question is asked as the user.
// Errors: as above, but for a token of that level; Error of reason level_too_low where it is `anonymous`, invalid_id
// where it is of a thread whose ids were changed by other means than behalf's. Thread-safe. Cost: as above.
[[nodiscard]] bool access_allowed(const std::filesystem::path& path, int mode, const Token& who);

}  // namespace behalf
