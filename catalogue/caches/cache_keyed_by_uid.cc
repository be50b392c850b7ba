#include <behalf/per_identity.h>

#include <map>
#include <mutex>

#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  a cache keyed by geteuid()
works:  effective full shielded
hop:    cache
clock:  first-caller
wrong:  with `files` the effective uid is the service's for everybody, and the first user's entry is given to the next
cure:   behalf::per_identity<T>, which is keyed by the whole token: two tokens of one user may differ in their groups
source: geteuid(2)
)")

static void print(const std::string& readable) {
  std::printf("readable are the notes of%s\n", readable.c_str());
}

extern "C" int operation() {
  static std::mutex in_use;
  static std::map<uid_t, std::string> cache;
  const std::lock_guard lock(in_use);
  auto entry = cache.find(geteuid());
  if (entry == cache.end()) entry = cache.emplace(geteuid(), behalf_row::owners_of_readable_notes()).first;
  print(entry->second);
  return 0;
}

extern "C" int cured() {
  static behalf::per_identity<std::string> cache(behalf_row::owners_of_readable_notes);
  print(*cache.get());
  return 0;
}
