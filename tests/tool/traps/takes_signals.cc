// Takes signals of every kind and says how many came, with what, and what they did to waits.
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "trap.h"

namespace {
volatile int counts[65], sum = 0, sender = 0;
sigjmp_buf back;

void count(int signal, siginfo_t* info, void*) {
  counts[signal] = counts[signal] + 1;
  if (info->si_code == SI_QUEUE) sum = sum + info->si_value.sival_int;
  if (info->si_code == SI_USER && info->si_pid == getpid()) sender = sender + 1;
}
void jump(int signal) {
  siglongjmp(back, signal);
}

void handle(int signal, int flags) {
  struct sigaction action {};
  action.sa_sigaction = count;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(signal, &action, nullptr);
}
void handle_by_jumping(int signal) {
  struct sigaction action {};
  action.sa_handler = jump;
  sigaction(signal, &action, nullptr);
}
void alarm_in(int microseconds) {
  const itimerval once = {{0, 0}, {0, microseconds}};
  setitimer(ITIMER_REAL, &once, nullptr);
}
}  // namespace

int main() {
  handle(SIGUSR1, 0);
  handle(SIGTRAP, 0);
  handle(SIGRTMIN, 0);
  handle(SIGALRM, 0);
  handle(SIGCHLD, SA_RESTART);
  for (int i = 0; i < 5; ++i) kill(getpid(), SIGUSR1);
  raise(SIGTRAP);
  for (int i = 1; i <= 5; ++i) {
    sigval value{};
    value.sival_int = i;
    sigqueue(getpid(), SIGRTMIN, value);
  }
  alarm_in(20000);
  const timespec long_time = {5, 0};
  timespec left{};
  const int slept = nanosleep(&long_time, &left);
  trap::say("nanosleep %d %s, %s left\n", slept, slept != 0 ? strerrorname_np(errno) : "-",
            left.tv_sec == 4 ? "most" : "little");

  int ends[2];
  trap::must(pipe(ends) == 0, "pipe");
  alarm_in(20000);
  char byte = 0;
  const auto got = static_cast<int>(read(ends[0], &byte, 1));
  trap::say("read %d %s\n", got, got < 0 ? strerrorname_np(errno) : "-");
  const pid_t child = fork();
  if (child == 0) {
    usleep(20000);
    _exit(7);
  }
  const int writer = fork();
  if (writer == 0) {
    usleep(60000);
    _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
  }
  const auto again = static_cast<int>(read(ends[0], &byte, 1));  // restarted after the first SIGCHLD
  int status = 0;
  waitpid(child, &status, 0);
  trap::say("read again %d, child %d\n", again, WEXITSTATUS(status));
  waitpid(writer, &status, 0);

  handle_by_jumping(SIGSEGV);
  handle_by_jumping(SIGFPE);
  if (const int signal = sigsetjmp(back, 1); signal == 0) {
    *static_cast<volatile int*>(nullptr) = 1;
  } else {
    trap::say("caught %d\n", signal);
  }
  if (const int signal = sigsetjmp(back, 1); signal == 0)
    raise(SIGFPE);
  else
    trap::say("caught %d\n", signal);
  trap::say("usr1 %d trap %d realtime %d sum %d alarms %d own %d children %d\n", counts[SIGUSR1], counts[SIGTRAP],
            counts[SIGRTMIN], sum, counts[SIGALRM], sender, counts[SIGCHLD] > 0 ? 1 : 0);
}
