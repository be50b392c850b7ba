#include <grp.h>
#include <sys/syscall.h>

#include <vector>

#include "row.h"

BEHALF_ROW(R"(
title:  setgroups(2) of the C library
works:  none
hop:    broadcast
clock:  process
wrong:  glibc makes every thread of the process take the group list, and ends the process when some of them may and
        others may not: in the user's thread the kernel refuses it, in the service's it does not
cure:   behalf::Impersonation sets the groups of one thread; code that must do it itself: syscall(SYS_setgroups)
source: nptl(7) "C library/kernel differences"
)")

template <class SetGroups>
static int set_the_same_groups(SetGroups set_groups) {
  std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
  getgroups(static_cast<int>(groups.size()), groups.data());
  const long refused = set_groups(groups.size(), groups.data());
  std::printf("setgroups: %s\n", refused == 0 ? "done" : std::strerror(errno));
  return 0;
}

extern "C" int operation() {
  return set_the_same_groups(setgroups);
}

extern "C" int cured() {
  return set_the_same_groups(
      [](std::size_t size, const gid_t* groups) { return syscall(SYS_setgroups, size, groups); });
}
