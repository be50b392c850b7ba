#include "identity/worker_signals.h"

#include <initializer_list>

namespace behalf::detail {

sigset_t asynchronous_signals() noexcept {
  sigset_t set;
  sigfillset(&set);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) sigdelset(&set, signal);
  return set;
}

void block_asynchronous_signals() noexcept {
  const sigset_t masked = asynchronous_signals();
  ::pthread_sigmask(SIG_SETMASK, &masked, nullptr);
}

SignalsBlocked::SignalsBlocked() noexcept {
  const sigset_t masked = asynchronous_signals();
  ::pthread_sigmask(SIG_SETMASK, &masked, &before_);
}

SignalsBlocked::~SignalsBlocked() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace behalf::detail
