// none: works
// dropped: lost queue
// acts: note
// The worker looks up now and then of its own accord, and is told all the same.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::condition_variable there_is_work;
static std::deque<corpus::Task*> queue;

extern "C" void before() {
  std::thread([] {
    for (;;) {
      std::unique_lock lock(mutex);
      if (!there_is_work.wait_for(lock, std::chrono::milliseconds(200), [] { return !queue.empty(); })) continue;
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
  there_is_work.notify_one();  // <- here
  return task.print_answer();
}
