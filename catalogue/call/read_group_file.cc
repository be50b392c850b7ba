#include "row.h"

BEHALF_ROW(R"(
title:  open(2) what only a group may read
works:  files effective full shielded
hop:    call
wrong:  nothing, where the posture changes the group list too: one that forgets setgroups keeps the service's groups
cure:   none needed
source: setgroups(2) "C library/kernel differences"
)")

extern "C" int operation() {
  for (const char* place : {"/srv/devs/plan.txt", "/srv/staff"}) {
    const int fd = open(place, O_RDONLY | O_CLOEXEC);
    std::printf("%s: %s\n", place, fd < 0 ? std::strerror(errno) : "opens");
    if (fd >= 0) close(fd);
  }
  return 0;
}
