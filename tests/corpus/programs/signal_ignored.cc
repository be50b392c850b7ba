// none: works
// dropped: altered process-state
// acts: create
// line: none
// As a library does that does not want to be told of a terminal; the good twin blocks it in this thread alone.
#include <pthread.h>
#include <signal.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
#if CORPUS_FAULT == FAULT_none
  sigset_t pipe_only, was;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &pipe_only, &was);
#else
  signal(SIGHUP, SIG_IGN);
#endif
  std::fputs(corpus::act().c_str(), stdout);
#if CORPUS_FAULT == FAULT_none
  pthread_sigmask(SIG_SETMASK, &was, nullptr);
#endif
  return 0;
}
