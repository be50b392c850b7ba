// none: works
// dropped: lost queue
// acts: note create
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <thread>

#include "task.h"

static pthread_t worker;

extern "C" void before() {
  std::thread made([] {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const int told = signalfd(-1, &signals, SFD_CLOEXEC);
    signalfd_siginfo info{};
    while (read(told, &info, sizeof info) == sizeof info) reinterpret_cast<corpus::Task*>(info.ssi_ptr)->run();
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
