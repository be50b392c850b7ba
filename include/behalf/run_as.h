// run_as(): a call as that user, on a thread that is not yours; the result or the exception comes back.
//
//   auto lines = behalf::run_as(alice, [] { return count_lines("/home/alice/note.txt"); });
//
// This is how the main thread works for users. The worker is kept for later calls. It was started as the service
// whatever the caller wears, takes no asynchronous signal (a handler would run as the user; a child started there
// begins with these signals blocked, as any child does with its parent's mask), and has a session keyring
// of its own, a fresh one whenever the user is another than the last time (keyrings are inherited, and possession
// gives access whoever one is: session-keyring(7)).
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "behalf/token.h"

namespace behalf {

namespace detail {

// Runs call(data) on a worker that wears the token; throws what call threw, or what stopped it from being called.
void run_on_worker(const Token& token, void (*call)(void*), void* data);

// A result that is itself work yet to be run: it would be run after the identity was given back, on whatever thread.
template <class T>
concept Awaitable = requires(T&& value) {
  std::forward<T>(value).await_ready();
}
|| requires(T&& value) {
  std::forward<T>(value).operator co_await();
}
|| requires(T&& value) {
  operator co_await(std::forward<T>(value));
}
|| requires {
  typename std::remove_cvref_t<T>::promise_type;
};

template <class Result>
struct Outcome {
  std::optional<Result> value;
  template <class F>
  void fill(F&& f) {
    value.emplace(std::invoke(std::forward<F>(f)));
  }
  Result take() { return std::move(*value); }
};

template <class Result>
struct Outcome<Result&> {
  Result* value = nullptr;
  template <class F>
  void fill(F&& f) {
    value = std::addressof(std::invoke(std::forward<F>(f)));
  }
  Result& take() { return *value; }
};

template <>
struct Outcome<void> {
  template <class F>
  void fill(F&& f) {
    std::invoke(std::forward<F>(f));
  }
  void take() {}
};

}  // namespace detail

// Effects: f() on a worker that wears the token; the caller waits. An rvalue f is moved to the worker and destroyed
// there, as the user. The caller's thread, errno included, is left alone.
//
// Errors: what f throws; Error as of Impersonation, and of reason out_of_resources where no worker could be started.
// f has then not been called.
//
// Thread-safe. Calls at the same time use different workers, so f may call run_as() too.
//
// Cost: the hand-over to the worker and back (two futex wake-ups), and an Impersonation.
template <class F>
std::invoke_result_t<F> run_as(const Token& token, F&& f) {
  using Result = std::invoke_result_t<F>;
  static_assert(!detail::Awaitable<Result>,
                "behalf::run_as: the callable returns an awaitable (a coroutine), which would be run later, after the "
                "identity was given back, and on another thread. Await inside of the callable, or give it a plain "
                "result; for coroutines use behalf::task.");

  struct Errand {
    std::remove_reference_t<F>* f;
    detail::Outcome<Result> outcome;

    void run() {
      if constexpr (std::is_lvalue_reference_v<F>) {
        outcome.fill(*f);
      } else {
        std::remove_cvref_t<F> own(std::move(*f));
        outcome.fill(std::move(own));
      }
    }
  };
  Errand errand{std::addressof(f), {}};
  detail::run_on_worker(
      token, [](void* data) { static_cast<Errand*>(data)->run(); }, &errand);
  return errand.outcome.take();
}

}  // namespace behalf
