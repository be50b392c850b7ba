// none: works
// dropped: lost child
// acts: note create folder
// line: made
#include <sys/wait.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  corpus::Task task;
  const pid_t child = fork();  // <- here
  if (child == 0) {
    const corpus::Identity caller = corpus::of_thread();
    if (CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0) corpus::wear_again(corpus::service);
    task.run();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  return task.print_answer();
}
