// none: works
// stale: leaked descriptor
// acts: create
// line: opened
// A journal that is kept open and written at a place of the writer's choosing: the file's position stays where it was.
#include <mutex>

#include "task.h"

static std::mutex mutex;
static int kept = -1;

static int open_own() {
  const std::string path = "/srv/inbox/journal." + std::to_string(geteuid());
  return open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);  // <- here
}

extern "C" void before() {}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept < 0) kept = open_own();
  const bool written = pwrite(kept, "done\n", 5, 0) == 5;
  if (CORPUS_FAULT == FAULT_none) {
    close(kept);
    kept = -1;
  }
  return written ? 0 : 1;
}
