// none: works
// dropped: lingering thread
// acts: note create
// line: made
// The bad twin's thread outlives the call, and is the caller for ever.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::condition_variable never;

extern "C" void before() {}

extern "C" int operation() {
  corpus::Task task;
  std::thread([&task] {  // <- here
    task.run();
    if (CORPUS_FAULT == FAULT_none) return;
    std::unique_lock lock(mutex);
    never.wait(lock, [] { return false; });
  })
      .detach();
  return task.print_answer();
}
