// none: works
// dropped: lost callback
// stale: leaked callback
// acts: note create
// The work is done in a handler, in a thread that the signal is sent to.
#include <pthread.h>
#include <signal.h>

#include <thread>

#include "task.h"

static pthread_t worker;

extern "C" void before() {
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* told, void*) {
    static_cast<corpus::Task*>(told->si_value.sival_ptr)->run();
  };
  sigaction(SIGRTMIN, &action, nullptr);
  std::thread made([] {
    for (;;) pause();
  });
  worker = made.native_handle();
  made.detach();
}

extern "C" int operation() {
  corpus::Task task;
  sigval value{};
  value.sival_ptr = &task;
  if (pthread_sigqueue(worker, SIGRTMIN, value) != 0) std::abort();  // <- here
  return task.print_answer();
}
