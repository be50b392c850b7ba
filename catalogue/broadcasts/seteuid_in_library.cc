#include "row.h"

BEHALF_ROW(R"(
title:  seteuid(2) to the real uid and back
works:  none
hop:    broadcast
clock:  process
wrong:  old libraries do so around an open. glibc makes every thread of the process take the new uid: the service and
        its other callers become this user, or lose the one they work for; and the file is opened as the real uid
cure:   leave the ids alone, which are the caller's already; else behalf::AsService, whose raw calls concern one thread
source: nptl(7) "C library/kernel differences"
)")

extern "C" int operation() {
  const uid_t caller = geteuid();
  const int there = seteuid(getuid());
  behalf_row::print_whose_notes_open();
  const int back = seteuid(caller);
  return there == 0 && back == 0 ? 0 : EPERM;
}

extern "C" int cured() {
  behalf_row::print_whose_notes_open();
  return 0;
}
