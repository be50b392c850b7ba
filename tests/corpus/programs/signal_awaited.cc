// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// sigwaitinfo(2): a signal that carries a pointer.
#include <pthread.h>
#include <signal.h>

#include <thread>

#include "task.h"

static pthread_t worker;

extern "C" void before() {
  std::thread made([] {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    for (;;) {
      siginfo_t told{};
      if (sigwaitinfo(&signals, &told) == SIGRTMIN) static_cast<corpus::Task*>(told.si_value.sival_ptr)->run();
    }
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
