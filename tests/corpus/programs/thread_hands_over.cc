// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// The call's own thread is right; the worker that it hands over to is not.
#include "queue.h"
#include "task.h"

static corpus::Queue<corpus::Task*> queue;

extern "C" void before() {
  corpus::serve(queue, [](corpus::Task* task) { task->run(); });
}

extern "C" int operation() {
  corpus::Task task;
  std::thread([&task] {
    queue.push(&task);  // <- here
  }).join();
  return task.print_answer();
}
