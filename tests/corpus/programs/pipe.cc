// none: works
// dropped: lost queue
// stale: leaked queue
// kept: lingering queue
// partial: lost queue
// acts: note create folder
#include <thread>

#include "task.h"

static int ends[2];

static void serve() {
  for (;;) {
    corpus::Task* task = nullptr;
    if (read(ends[0], &task, sizeof task) == sizeof task) task->run();
  }
}

extern "C" void before() {
  corpus::must(pipe2(ends, O_CLOEXEC));
  std::thread(serve).detach();
}

extern "C" int operation() {
  corpus::Task task;
  corpus::Task* const address = &task;
  corpus::must(write(ends[1], &address, sizeof address));  // <- here
  return task.print_answer();
}
