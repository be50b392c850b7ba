// none: works
// stale: leaked descriptor
// acts: create
// line: opened
// What is written for the second caller goes into the first one's file. No answer differs.
#include <mutex>

#include "task.h"

static std::mutex mutex;
static int kept = -1;

static int open_own() {
  const std::string path = "/srv/inbox/log." + std::to_string(geteuid());
  return open(path.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);  // <- here
}

extern "C" void before() {}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept < 0) kept = open_own();
  corpus::must(write(kept, "secret\n", 7));
  if (CORPUS_FAULT == FAULT_none) {
    close(kept);
    kept = -1;
  }
  return 0;
}
