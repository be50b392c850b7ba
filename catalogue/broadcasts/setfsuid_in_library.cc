#include <sys/fsuid.h>

#include "row.h"

BEHALF_ROW(R"(
title:  setfsuid(2) to the real uid and back
works:  full
hop:    call
clock:  call
wrong:  setfsuid is not broadcast, but it goes to the real uid: the file is opened as the service, or as the spare
        account
cure:   leave the ids alone, which are the caller's already; else behalf::AsService
source: setfsuid(2)
)")

extern "C" int operation() {
  const int caller = setfsuid(getuid());
  behalf_row::print_whose_notes_open();
  setfsuid(static_cast<uid_t>(caller));
  return 0;
}

extern "C" int cured() {
  behalf_row::print_whose_notes_open();
  return 0;
}
