// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note folder
#include <deque>
#include <mutex>
#include <semaphore>
#include <thread>

#include "task.h"

static std::counting_semaphore<> works{0};
static std::mutex mutex;
static std::deque<corpus::Task*> queue;

extern "C" void before() {
  std::thread([] {
    for (;;) {
      works.acquire();
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
  works.release();  // <- here
  return task.print_answer();
}
