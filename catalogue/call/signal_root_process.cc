#include <csignal>

#include "row.h"

BEHALF_ROW(R"(
title:  kill(2) a process of root's
works:  full shielded
hop:    real-id
clock:  real-id
wrong:  the sender's real uid counts as much as its effective one, and CAP_KILL stays where only the file system uid was
        changed: the thread can signal what the service can
cure:   the posture `full` or `shielded`, which change the real uid
source: kill(2)
)")

// Signal 0 asks and sends nothing; process 1 belongs to root everywhere.
extern "C" int operation() {
  std::printf("process 1: %s\n", kill(1, 0) == 0 ? "can be signalled" : std::strerror(errno));
  return 0;
}
