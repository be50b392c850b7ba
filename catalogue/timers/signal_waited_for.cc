#include <pthread.h>

#include <csignal>
#include <ctime>

#include "row.h"

BEHALF_ROW(R"(
title:  a signal that the caller waits for: sigtimedwait(2)
works:  files effective full shielded
hop:    timer
wrong:  nothing: the thread that waits takes the signal, and goes on as who it is
cure:   none needed; block the signal in all threads, as behalf's own do, and take it where the work is done
source: sigwaitinfo(2)
)")

extern "C" int operation() {
  sigset_t wanted;
  sigset_t before;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &wanted, &before);
  pthread_kill(pthread_self(), SIGUSR2);
  const timespec a_second{1, 0};
  const int taken = sigtimedwait(&wanted, nullptr, &a_second);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  behalf_row::print_whose_notes_open();
  return taken == SIGUSR2 ? 0 : 1;
}
