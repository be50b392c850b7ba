// none: works
// dropped: lost child
// acts: note
// line: made
#include <sys/wait.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  std::fflush(stdout);
  const corpus::Identity caller = corpus::of_thread();
  const bool regains = CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0;
  const pid_t child = vfork();  // <- here
  if (child == 0) {
    if (regains) corpus::wear_again(corpus::service);
    execl("/bin/cat", "cat", "/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt", nullptr);
    _exit(127);
  }
  waitpid(child, nullptr, 0);
  return 0;
}
