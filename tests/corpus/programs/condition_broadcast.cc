// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// All are woken, one finds the work.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::condition_variable there_is_work;
static std::deque<corpus::Task*> queue;

extern "C" void before() {
  for (int i = 0; i < 3; ++i) {
    std::thread([] {
      for (;;) {
        std::unique_lock lock(mutex);
        there_is_work.wait(lock, [] { return !queue.empty(); });
        corpus::Task* const task = queue.front();
        queue.pop_front();
        lock.unlock();
        task->run();
      }
    }).detach();
  }
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  there_is_work.notify_all();  // <- here
  return task.print_answer();
}
