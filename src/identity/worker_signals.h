// Signals of a thread that works for users: a handler would run as the user.
#pragma once

#include <csignal>

namespace behalf::detail {

// All but those a thread causes itself.
sigset_t asynchronous_signals() noexcept;

// Blocks them in the calling thread.
void block_asynchronous_signals() noexcept;

// The same until the end of the scope: a thread that is started in it begins with them blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept;
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace behalf::detail
