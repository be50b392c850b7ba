// Makes a child by fork, one by vfork that execs, and one by posix_spawn, each acting under its own name.
#include <spawn.h>
#include <sys/wait.h>

#include "trap.h"

extern char** environ;

namespace {
void reap() {
  int status = 0;
  trap::must(wait(&status) > 0 && status == 0, "the child");
}
}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) {
    trap::act(argv[1]);
    return 0;
  }
  if (fork() == 0) {
    trap::act("/trap/forked");
    _exit(0);
  }
  reap();
  char spawned[] = "/trap/spawned", vforked[] = "/trap/vforked";
  char* words[] = {argv[0], vforked, nullptr};
  const pid_t child = vfork();
  if (child == 0) {
    execv("/proc/self/exe", words);
    _exit(1);
  }
  reap();
  char* others[] = {argv[0], spawned, nullptr};
  pid_t id = 0;
  trap::must(posix_spawn(&id, "/proc/self/exe", nullptr, nullptr, others, environ) == 0, "posix_spawn");
  reap();
  trap::act("/trap/parent");
}
