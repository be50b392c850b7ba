// Makes a child that asks not to be traced, by clone or clone3.
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "trap.h"

int main(int, char** argv) {
  long child = 0;
  if (std::strcmp(argv[1], "clone3") == 0) {
    clone_args arguments{};
    arguments.flags = CLONE_UNTRACED;
    arguments.exit_signal = SIGCHLD;
    child = syscall(SYS_clone3, &arguments, sizeof arguments);
  } else {
    child = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  }
  if (child == 0) _exit(0);
  trap::must(child > 0, "clone");
  waitpid(static_cast<pid_t>(child), nullptr, 0);
}
