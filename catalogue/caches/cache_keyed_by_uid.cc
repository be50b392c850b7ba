#include <map>
#include <mutex>

#include "caches/identity_key.h"
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

static std::mutex cache_in_use;

template <class Key>
static void print_readable(std::map<Key, std::string>& cache, const Key& key) {
  const std::lock_guard lock(cache_in_use);
  auto entry = cache.find(key);
  if (entry == cache.end()) entry = cache.emplace(key, behalf_row::owners_of_readable_notes()).first;
  std::printf("readable are the notes of%s\n", entry->second.c_str());
}

extern "C" int operation() {
  static std::map<uid_t, std::string> cache;
  print_readable(cache, geteuid());
  return 0;
}

extern "C" int cured() {
  static std::map<behalf_row::IdentityKey, std::string> cache;
  print_readable(cache, behalf_row::identity_of_thread());
  return 0;
}
