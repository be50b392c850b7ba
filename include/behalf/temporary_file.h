// temporary_file(): a file without a name, for what need not be kept; the user's, and gone with its last descriptor.
//
//   behalf::Impersonation as{alice};
//   const behalf::Descriptor pages = behalf::temporary_file();
//   render(pages.get());
//
// The name of a temporary file is where they go wrong between users. $TMPDIR, by which mktemp(1), GLib and
// std::filesystem::temp_directory_path() go, is the process's: a folder of the service's, which refuses the user, or
// one in which everybody finds everybody's. A name in /tmp can be guessed, taken before, and is left there by a process
// that is killed. Without a name there is nothing to find. What is to appear under a name at last is a NewFile, which
// lies in the folder of that name meanwhile.
#pragma once

#include <filesystem>

#include "behalf/carried.h"
#include "behalf/descriptor.h"

namespace behalf {

// Effects: creates a file of the user's, mode 0600 whatever the umask, on the file system of `folder`, which counts it
// against her quota; for reading and writing, by whomever: access was decided here. It cannot be given a name later.
// Much, or what must not be in memory, is for /var/tmp.
//
// Errors: Error of reason not_there (no such folder), not_permitted (the user may not create in it), out_of_resources
// (quota or disk full among them), platform (also where the file system has no such files: O_TMPFILE); those of
// Carried, and as of Impersonation. Thread-safe. Cost: 2 system calls, and an Impersonation where an identity is given.
//
// Rests on: open(2), O_TMPFILE and O_EXCL.
[[nodiscard]] Descriptor temporary_file(const Carried& who = Carried(), const std::filesystem::path& folder = "/tmp");

}  // namespace behalf
