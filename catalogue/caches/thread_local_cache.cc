#include <behalf/per_identity.h>

#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  a thread_local, filled at first use
works:  none
hop:    cache
clock:  first-caller
wrong:  a worker thread serves one user after another: what it keeps from the first it gives to the next
cure:   behalf::per_identity<T>, which may be thread_local too
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static void print(const std::string& readable) {
  std::printf("readable are the notes of%s\n", readable.c_str());
}

extern "C" int operation() {
  thread_local const std::string readable = behalf_row::owners_of_readable_notes();
  print(readable);
  return 0;
}

extern "C" int cured() {
  thread_local behalf::per_identity<std::string> readable(behalf_row::owners_of_readable_notes);
  print(*readable.get());
  return 0;
}
