// none: works
// dropped: lost queue
// acts: note create
// poll(2) over a pipe that is only a bell.
#include <poll.h>

#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::deque<corpus::Task*> queue;
static int bell[2];

extern "C" void before() {
  corpus::must(pipe2(bell, O_CLOEXEC | O_NONBLOCK));
  std::thread([] {
    for (;;) {
      pollfd wanted = {bell[0], POLLIN, 0};
      if (poll(&wanted, 1, -1) != 1) continue;
      char rung[64];
      corpus::must(read(bell[0], rung, sizeof rung));
      for (;;) {
        corpus::Task* task = nullptr;
        {
          const std::lock_guard lock(mutex);
          if (queue.empty()) break;
          task = queue.front();
          queue.pop_front();
        }
        task->run();
      }
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  corpus::must(write(bell[1], "!", 1));  // <- here
  return task.print_answer();
}
