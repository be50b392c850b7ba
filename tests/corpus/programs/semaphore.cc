// none: works
// dropped: lost queue
// stale: leaked queue
// kept: lingering queue
// partial: lost queue
// acts: note create folder
#include <semaphore.h>

#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static sem_t works;
static std::mutex mutex;
static std::deque<corpus::Task*> queue;

static void serve() {
  for (;;) {
    while (sem_wait(&works) != 0) {
    }
    std::unique_lock lock(mutex);
    corpus::Task* const task = queue.front();
    queue.pop_front();
    lock.unlock();
    task->run();
  }
}

extern "C" void before() {
  sem_init(&works, 0, 0);
  std::thread(serve).detach();
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  sem_post(&works);  // <- here
  return task.print_answer();
}
