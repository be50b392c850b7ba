// none: works
// dropped: lost queue
// stale: leaked queue
// kept: lingering queue
// partial: lost queue
// acts: note create folder
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::condition_variable there_is_work;
static std::deque<corpus::Task*> queue;

static void serve() {
  for (;;) {
    std::unique_lock lock(mutex);
    there_is_work.wait(lock, [] { return !queue.empty(); });
    corpus::Task* const task = queue.front();
    queue.pop_front();
    lock.unlock();
    task->run();
  }
}

extern "C" void before() {
  std::thread(serve).detach();
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
