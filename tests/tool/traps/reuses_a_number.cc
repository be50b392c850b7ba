// Two children, one after the other, with the same number, as different users.
#include <linux/sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "trap.h"

int main() {
  pid_t number = 0;
  for (const uid_t user : {3001U, 3002U}) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    if (number != 0) {
      arguments.set_tid = reinterpret_cast<std::uint64_t>(&number);
      arguments.set_tid_size = 1;
    }
    const auto child = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    trap::must(child >= 0, "clone3");
    if (child == 0) {
      trap::must(syscall(SYS_setresuid, user, user, user) == 0, "setresuid");
      trap::look(user == 3001 ? "/trap/first" : "/trap/second");
      _exit(0);
    }
    trap::must(number == 0 || child == number, "the same number");
    number = child;
    waitpid(child, nullptr, 0);
  }
}
