// none: works
// dropped: altered process-state
// acts: note
// line: none
// So that a child finds its home: for all threads, and for good. The good twin gives the child an environment of its
// own.
#include <spawn.h>
#include <sys/wait.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  std::fflush(stdout);
  const std::string home = "HOME=" + std::string(geteuid() == 3001   ? "/home/alice"
                                                 : geteuid() == 3002 ? "/home/bob"
                                                                     : "/root");
  char* own[] = {const_cast<char*>(home.c_str()), nullptr};
  char** environment = own;
  if (CORPUS_FAULT == FAULT_dropped) {
    setenv("HOME", home.c_str() + 5, 1);
    setenv("CORPUS_USER", std::to_string(geteuid()).c_str(), 1);
    environment = environ;
  }
  const char* const words[] = {"sh", "-c", "cat $HOME/note.txt", nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, const_cast<char* const*>(words), environment) != 0) return 1;
  waitpid(child, nullptr, 0);
  return 0;
}
