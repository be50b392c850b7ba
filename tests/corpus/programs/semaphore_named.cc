// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// sem_open(3): the word lies in a file that others may map too.
#include <semaphore.h>

#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static sem_t* works;
static std::mutex mutex;
static std::deque<corpus::Task*> queue;

extern "C" void before() {
  works = sem_open("/corpus", O_CREAT, 0600, 0);
  if (works == SEM_FAILED) std::abort();
  sem_unlink("/corpus");
  std::thread([] {
    for (;;) {
      while (sem_wait(works) != 0) {
      }
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
  sem_post(works);  // <- here
  return task.print_answer();
}
