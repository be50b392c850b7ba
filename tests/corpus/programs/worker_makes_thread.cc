// none: works
// dropped: lost queue
// acts: note create
// The worker makes a thread for each piece of work: a copy of one who was wrong already.
#include "queue.h"
#include "task.h"

static corpus::Queue<corpus::Task*> queue;

extern "C" void before() {
  corpus::serve(queue, [](corpus::Task* task) { std::thread([task] { task->run(); }).join(); });
}

extern "C" int operation() {
  corpus::Task task;
  queue.push(&task);  // <- here
  return task.print_answer();
}
