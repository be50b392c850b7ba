// Is refused a file: in a thread that lets no signal through, and in one that signals rain on.
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <thread>

#include "trap.h"

[[gnu::noinline]] int the_function_that_is_refused(const char* path) {
  const int error = trap::look(path);
  asm volatile("" ::: "memory");  // no tail call: it is to have a frame of its own
  return error;
}

namespace {

volatile sig_atomic_t alarms = 0;

void in_a_deaf_thread(const char* path) {
  sigset_t all, pending;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  syscall(SYS_setfsuid, 3001);
  const int error = the_function_that_is_refused(path);
  sigpending(&pending);
  int waiting = 0;
  for (int signal = 1; signal < SIGRTMAX; ++signal) waiting += sigismember(&pending, signal) == 1 ? 1 : 0;
  trap::say("deaf: error %d, %d signals pending\n", error, waiting);
}

void in_the_rain(const char* path) {
  struct sigaction action {};
  action.sa_handler = [](int) { alarms = alarms + 1; };
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval every = {{0, 500}, {0, 500}}, never = {};
  syscall(SYS_setfsuid, 3001);
  setitimer(ITIMER_REAL, &every, nullptr);
  int refused = 0;
  for (int i = 0; i < 300; ++i) refused += the_function_that_is_refused(path) == EACCES ? 1 : 0;
  while (alarms < 3) {
  }
  setitimer(ITIMER_REAL, &never, nullptr);
  trap::say("rain: refused %d times\n", refused);
}

}  // namespace

int main(int, char** argv) {
  std::thread(in_a_deaf_thread, argv[1]).join();
  in_the_rain(argv[2]);
}
