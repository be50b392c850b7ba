// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
#include <condition_variable>
#include <deque>
#include <shared_mutex>
#include <thread>

#include "task.h"

static std::shared_mutex mutex;
static std::condition_variable_any there_is_work;
static std::deque<corpus::Task*> queue;

extern "C" void before() {
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

extern "C" int operation() {
  corpus::Task task;
  {
    const std::unique_lock lock(mutex);
    queue.push_back(&task);
  }
  there_is_work.notify_one();  // <- here
  return task.print_answer();
}
