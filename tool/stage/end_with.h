// The process that calls this ends when that parent does, also when it ended before: nothing of a run outlives the
// tool.
//
// The kernel forgets it where ids or capabilities change (prctl(2), PR_SET_PDEATHSIG), entering a user namespace among
// them: it is to be said anew then.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

namespace behalf::tool {

inline void end_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(70);
}

}  // namespace behalf::tool
