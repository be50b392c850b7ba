// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// Woken under the lock, by two workers' common condition: either may take it.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::condition_variable there_is_work;
static std::deque<corpus::Task*> queue;

static void serve() {
  std::unique_lock lock(mutex);
  for (;;) {
    there_is_work.wait(lock, [] { return !queue.empty(); });
    corpus::Task* const task = queue.front();
    queue.pop_front();
    lock.unlock();
    task->run();
    lock.lock();
  }
}

extern "C" void before() {
  for (int i = 0; i < 3; ++i) std::thread(serve).detach();
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
    there_is_work.notify_one();  // <- here
  }
  return task.print_answer();
}
