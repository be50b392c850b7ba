// SignalHandlers: the signals of the process, handled as the service, on a thread of their own.
//
//   int main() {
//     behalf::initialize({});
//     behalf::SignalHandlers signals({{SIGHUP, [](const siginfo_t&) { read_configuration_again(); }},
//                                     {SIGTERM, [](const siginfo_t&) { stop_serving(); }}});
//     serve();
//   }
//
// A handler of sigaction(2) runs on any thread that does not block the signal, in the middle of what that does
// (signal(7), "Process-directed signals"): on a thread that wears alice, as alice. Threads that behalf makes block such
// signals; threads of one's own, on which an Impersonation is made, do not by themselves. Here the signals are blocked
// in all threads and taken by one, which is the service (sigwaitinfo(2)): a handler is ordinary code, may do what it
// likes, also wear whom it works for, and need not be async-signal-safe.
//
// A guard does not block signals for its scope, though that would cost no more (it blocks them anyway while it
// switches): programs that are started keep the mask (execve(2)), so that SIGTERM would not end a child of the user's,
// and what interrupts a thread on purpose (pthread_kill(3), a profiler's SIGPROF) would wait for the end of the scope.
#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <type_traits>
#include <utility>

#include "behalf/descriptor.h"
#include "behalf/run_as.h"
#include "behalf/thread.h"

namespace behalf {

class SignalHandlers {
  using Function = std::function<void(const siginfo_t&)>;

 public:
  // What is called with a signal: what a std::function could be made of, but no coroutine.
  class Handler {
   public:
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Handler> && std::is_constructible_v<Function, F>)
        // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): as of std::function, and what hides no copy
        Handler(F&& f)
        : f_(std::forward<F>(f)) {
      if constexpr (std::is_invocable_v<F&, const siginfo_t&>) {
        static_assert(
            !detail::Awaitable<std::invoke_result_t<F&, const siginfo_t&>>,
            "behalf::SignalHandlers: the handler returns an awaitable (a coroutine), which nobody would await. "
            "Start a behalf::task with behalf::start(pool, task) in it");
      }
    }

    explicit operator bool() const noexcept { return static_cast<bool>(f_); }
    void operator()(const siginfo_t& signal) const { f_(signal); }

   private:
    Function f_;
  };

  // Effects: blocks these signals in the calling thread, and so in all that are started from it later, and starts the
  // thread that takes them. Handlers are called one after the other. An exception that leaves one ends the process.
  //
  // Errors: std::invalid_argument for a signal that cannot be blocked, that a thread causes itself (SIGSEGV and its
  // kin), or where there is none; Error of reason not_permitted where another thread does not block one of them: it
  // would run the handler of sigaction(2), or the default action, in place of this; platform, where /proc does not
  // tell; out_of_resources; those of thread. The calling thread's mask is then as before. Cost: a thread, and some ten
  // system calls and four for each thread that there is.
  explicit SignalHandlers(std::map<int, Handler> handlers);

  // Returns when the handler that runs has ended. The signals stay blocked: what has come meanwhile or comes later
  // waits for the next SignalHandlers. Not from a handler.
  ~SignalHandlers() = default;
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;

 private:
  std::map<int, Handler> handlers_;
  Descriptor signals_;
  Descriptor end_;
  thread thread_;
};

}  // namespace behalf
