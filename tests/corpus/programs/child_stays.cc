// none: works
// dropped: lingering child
// acts: note
// line: made
// The bad twin's child stays, the user only by half: with the service's saved ids it can be the service again.
#include <sys/wait.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  corpus::Task task;
  const pid_t child = fork();  // <- here
  if (child == 0) {
    task.run();
    while (CORPUS_FAULT == FAULT_dropped && corpus::of_thread().saved_uid == 0) pause();
    _exit(0);
  }
  const int result = task.print_answer();
  if (CORPUS_FAULT == FAULT_none) waitpid(child, nullptr, 0);
  return result;
}
