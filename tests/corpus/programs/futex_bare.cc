// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// futex(2) by hand, as runtimes of other languages do it.
#include <linux/futex.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::atomic<int> posted;
static std::mutex mutex;
static std::deque<corpus::Task*> queue;

extern "C" void before() {
  std::thread([] {
    for (;;) {
      while (posted == 0) syscall(SYS_futex, &posted, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
      --posted;
      std::unique_lock lock(mutex);
      corpus::Task* const task = queue.front();
      queue.pop_front();
      lock.unlock();
      task->run();
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  ++posted;
  syscall(SYS_futex, &posted, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);  // <- here
  return task.print_answer();
}
