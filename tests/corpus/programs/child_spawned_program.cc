// none: works
// dropped: lost child
// acts: note
// line: none
// A program gets its real and effective ids from its maker: with the real id left the service's, a shell is the
// service.
#include <sys/wait.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const corpus::Identity caller = corpus::of_thread();
    if (CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0) corpus::wear_again(corpus::service);
    execl("/bin/sh", "sh", "-c", "cat /home/alice/note.txt /home/bob/note.txt /root/note.txt 2>/dev/null", nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return 0;
}
