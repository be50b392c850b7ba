// none: works
// stale: lost cache
// acts: note
// line: none
// getpwuid(3) answers in a buffer of its own, and who keeps the pointer keeps whoever asked last.
#include <pwd.h>

#include <mutex>

#include "task.h"

static std::mutex mutex;
static const passwd* me;

extern "C" void before() {}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (me == nullptr || CORPUS_FAULT == FAULT_none) me = getpwuid(geteuid());
  std::printf("%s lives in %s\n", me->pw_name, me->pw_dir);
  return 0;
}
