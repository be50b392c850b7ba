// none: works
// dropped: lost queue
// acts: note create
#include <sys/ipc.h>
#include <sys/sem.h>

#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static int works;
static std::mutex mutex;
static std::deque<corpus::Task*> queue;

extern "C" void before() {
  works = semget(IPC_PRIVATE, 1, 0666);
  corpus::must(works);
  std::thread([] {
    for (;;) {
      sembuf take = {0, -1, 0};
      if (semop(works, &take, 1) != 0) continue;
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
  sembuf give = {0, 1, 0};
  corpus::must(semop(works, &give, 1));  // <- here
  return task.print_answer();
}
