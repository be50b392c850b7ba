#include <sys/resource.h>

#include "row.h"

BEHALF_ROW(R"(
title:  setpriority(2), ahead of the others
works:  effective full shielded
hop:    call
clock:  call
wrong:  only the capabilities over files go with the file system uid: the thread keeps CAP_SYS_NICE and all others, and the
        user gets what the machine grants to no user
cure:   a posture that changes the effective uid, and so takes all capabilities out of effect
source: capabilities(7), "Effect of user ID changes on capabilities"
)")

extern "C" int operation() {
  const int before = getpriority(PRIO_PROCESS, 0);
  const bool raised = setpriority(PRIO_PROCESS, 0, -5) == 0;
  std::printf("priority -5: %s\n", raised ? "granted" : std::strerror(errno));
  if (raised) setpriority(PRIO_PROCESS, 0, before);
  return 0;
}
