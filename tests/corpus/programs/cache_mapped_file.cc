// none: works
// stale: leaked cache
// acts: note
// line: none
// The file is closed, its pages stay: the second caller makes no system call at all.
#include <sys/mman.h>

#include <mutex>

#include "task.h"

static std::mutex mutex;
static void* kept = MAP_FAILED;

static void* map_own() {
  for (const char* place : corpus::places) {
    const int fd = open((std::string(place) + "/note.txt").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    void* const pages = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    return pages;
  }
  return MAP_FAILED;
}

extern "C" void before() {}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept == MAP_FAILED) kept = map_own();
  if (kept == MAP_FAILED) return 1;
  std::fputs(static_cast<const char*>(kept), stdout);
  if (CORPUS_FAULT == FAULT_none) {
    munmap(kept, 4096);
    kept = MAP_FAILED;
  }
  return 0;
}
