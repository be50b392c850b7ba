// none: works
// stale: leaked descriptor
// acts: note
// line: opened
// A FILE that is kept.
#include <mutex>

#include "task.h"

static std::mutex mutex;
static FILE* kept;

static FILE* open_own() {
  for (const char* place : corpus::places)
    if (FILE* const file = std::fopen((std::string(place) + "/note.txt").c_str(), "re")) return file;  // <- here
  return nullptr;
}

extern "C" void before() {}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept == nullptr) kept = open_own();
  if (kept == nullptr) return 1;
  std::rewind(kept);
  char text[64];
  const std::size_t size = std::fread(text, 1, sizeof text, kept);
  std::fwrite(text, 1, size, stdout);
  if (CORPUS_FAULT == FAULT_none) {
    std::fclose(kept);
    kept = nullptr;
  }
  return 0;
}
