#include <behalf/per_identity.h>

#include <fstream>
#include <map>
#include <mutex>

#include "row.h"

BEHALF_ROW(R"(
title:  a cache of file contents, by path
works:  none
hop:    cache
clock:  first-caller
wrong:  what one user's call has read is given to the next user, who might not open the file: a hit asks nobody
cure:   behalf::per_identity<T>: a cache for each identity
source: sqlite3_open(3): a connection reads as whoever opened it
)")

using Cache = std::map<std::string, std::string>;

static std::mutex cache_in_use;

// Prints the notes that the cache has or that can be read now.
static void print_notes(Cache& cache) {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    auto entry = cache.find(note);
    if (entry == cache.end()) {
      std::ifstream file(note);
      std::string text;
      if (!std::getline(file, text)) continue;
      entry = cache.emplace(note, text).first;
    }
    std::printf("%s: %s\n", note, entry->second.c_str());
  }
}

extern "C" int operation() {
  static Cache cache;
  const std::lock_guard lock(cache_in_use);
  print_notes(cache);
  return 0;
}

extern "C" int cured() {
  static behalf::per_identity<Cache> caches([] { return Cache(); });
  const std::lock_guard lock(cache_in_use);
  print_notes(*caches.get());
  return 0;
}
