// The private little world in which operations run: own mount, pid, ipc, net and uts namespaces over the machine's own
// files, mounted read-only. It exists as long as its first process lives, and leaves nothing behind: all that it holds
// is in memory, and the kernel takes it down whatever way the tool ends.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stage/accounts.h"

namespace behalf::tool {

// Libraries that the stage's own folders would hide, or that only their owner can reach: the stage shows the shared
// objects of their folder in one that everybody can.
struct Shown {
  std::string from;          // a directory of the machine
  std::string at;            // where the stage shows its shared objects, below /run/behalf
  std::string library = {};  // of them the one that is asked for, which may be named otherwise than such are
};

// Where a library of the machine is found on the stage.
struct Placed {
  std::string path;
  std::vector<Shown> shown;
};
Placed place_on_stage(const std::string& file);

// What the machine lacks to make a stage, in words that say how to get it; empty when nothing. To be asked on the
// ground that the stage is to stand on (ground.h). Forks.
std::string why_no_stage();

// Makes the stage around the calling process, which must be the first of a new pid namespace, have one thread, and
// stand on the ground; it is the stage's root afterwards. What only the caller may enter of what is to be shown, is
// shown all the same. The stage has the accounts of its daemons (daemons.h) beside its own. Needs CAP_SYS_ADMIN. Throws
// std::system_error that names the step.
void enter_stage(const std::vector<Shown>& shown, std::span<const Account> of_daemons = {});

// Turns the calling process into the account for good: all ids, groups, working directory; for the service, all of it
// but the ids. Async-signal-safe but for chdir's path. Throws std::system_error.
void become(const Account& account);

// The environment that the account's processes start with.
std::vector<std::string> environment_of(const Account& account);

}  // namespace behalf::tool
