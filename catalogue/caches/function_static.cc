#include <behalf/per_identity.h>

#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  a static local, filled by first caller
works:  none
hop:    cache
clock:  first-caller
wrong:  the first caller's data are everybody's: the next user, and the service, are given them without a check
cure:   behalf::per_identity<T>
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static void print(const std::string& readable) {
  std::printf("readable are the notes of%s\n", readable.c_str());
}

extern "C" int operation() {
  static const std::string readable = behalf_row::owners_of_readable_notes();
  print(readable);
  return 0;
}

extern "C" int cured() {
  static behalf::per_identity<std::string> readable(behalf_row::owners_of_readable_notes);
  print(*readable.get());
  return 0;
}
