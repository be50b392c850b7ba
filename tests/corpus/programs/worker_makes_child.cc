// none: works
// dropped: lost queue
// acts: note create
#include <sys/wait.h>

#include "queue.h"
#include "task.h"

static corpus::Queue<corpus::Task*> queue;

extern "C" void before() {
  corpus::serve(queue, [](corpus::Task* task) {
    const pid_t child = fork();
    if (child == 0) {
      task->run();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  });
}

extern "C" int operation() {
  corpus::Task task;
  queue.push(&task);  // <- here
  return task.print_answer();
}
