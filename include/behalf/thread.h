// thread: a thread that wears the identity of whoever made it, and was not born with it.
//
//   behalf::Impersonation as{alice};
//   behalf::thread copier([](std::stop_token stop) { copy_her_files(stop); });     // as alice, to its end
//   behalf::thread cleaner(behalf::as_service, [] { tidy_the_spool(); });          // as the service
//
// A std::thread is a copy of its creator (clone(2)): it has the creator's credentials, session keyring and parent-death
// signal without anybody's knowing. This one starts as the service, whatever the creator wears, with a session keyring
// of its own and with asynchronous signals blocked (a handler would run as the user); then it wears the identity, to
// its end: the callable, its captures and arguments and the thread's thread-local objects are destroyed as the user.
//
// A thread that works for a user and then stays should wear her for the work alone: make it as_service, and give it
// bind().
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/run_as.h"

namespace behalf {

namespace detail {

// What a thread is to run. Destroyed on that thread.
struct Errand {
  Errand() = default;
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;
  virtual ~Errand() = default;
  virtual void run(const std::stop_token& stop) = 0;
};

template <class F, class... Arguments>
struct ErrandOf final : Errand {
  template <class G, class... As>
  explicit ErrandOf(std::in_place_t, G&& g, As&&... as) : f(std::forward<G>(g)), arguments(std::forward<As>(as)...) {}

  void run(const std::stop_token& stop) override {
    std::apply(
        [&](Arguments&... as) {
          if constexpr (std::is_invocable_v<F, std::stop_token, Arguments...>) {
            static_assert(!Awaitable<std::invoke_result_t<F, std::stop_token, Arguments...>>,
                          "behalf::thread: the callable returns an awaitable (a coroutine), which nobody would await. "
                          "Start a behalf::task with behalf::sync_wait in it");
            std::invoke(std::move(f), stop, std::move(as)...);
          } else {
            static_assert(!Awaitable<std::invoke_result_t<F, Arguments...>>,
                          "behalf::thread: the callable returns an awaitable (a coroutine), which nobody would await. "
                          "Start a behalf::task with behalf::sync_wait in it");
            std::invoke(std::move(f), std::move(as)...);
          }
        },
        arguments);
  }

  F f;
  std::tuple<Arguments...> arguments;
};

// Starts a thread as the service, and returns when it wears the identity.
std::thread start_thread(const Carried& who, std::unique_ptr<Errand> errand, std::stop_token stop);

template <class F>
inline constexpr bool says_who =
    std::is_same_v<std::remove_cvref_t<F>, Token> || std::is_same_v<std::remove_cvref_t<F>, as_service_t> ||
    std::is_same_v<std::remove_cvref_t<F>, Carried>;

}  // namespace detail

class thread {
 public:
  using id = std::thread::id;
  using native_handle_type = std::thread::native_handle_type;

  thread() noexcept : stop_(std::nostopstate) {}

  // Effects: starts f(arguments...), or f(stop_token, arguments...) where it can be called so, with the calling
  // thread's identity or the one given. Returns once the identity is worn. An exception that leaves f ends the process,
  // as with std::thread.
  //
  // Errors: those of Carried; Error as of Impersonation where the identity cannot be worn, and of reason
  // out_of_resources where there is no thread to be had. f has then not been called, and its copy was destroyed as the
  // identity, or kept (abandoned()).
  //
  // Cost: the thread, two wake-ups, an AsService of the caller's and an Impersonation of the thread's.
  template <class F, class... Arguments>
  requires(!detail::says_who<F> &&
           !std::is_same_v<std::remove_cvref_t<F>, thread>) explicit thread(F&& f, Arguments&&... arguments)
      : thread(Carried(), std::forward<F>(f), std::forward<Arguments>(arguments)...) {}

  template <class F, class... Arguments>
  thread(const Token& token, F&& f, Arguments&&... arguments)
      : thread(Carried(token), std::forward<F>(f), std::forward<Arguments>(arguments)...) {}

  template <class F, class... Arguments>
  thread(as_service_t service, F&& f, Arguments&&... arguments)
      : thread(Carried(service), std::forward<F>(f), std::forward<Arguments>(arguments)...) {}

  template <class F, class... Arguments>
  thread(const Carried& who, F&& f, Arguments&&... arguments)
      : thread_(detail::start_thread(who,
                                     std::make_unique<detail::ErrandOf<std::decay_t<F>, std::decay_t<Arguments>...>>(
                                         std::in_place, std::forward<F>(f), std::forward<Arguments>(arguments)...),
                                     // NOLINTNEXTLINE(clang-diagnostic-uninitialized): it is, before this
                                     stop_.get_token())) {}

  thread(thread&&) noexcept = default;
  thread& operator=(thread&& other) noexcept {
    if (this != &other) {
      finish();
      stop_ = std::move(other.stop_);
      thread_ = std::move(other.thread_);
    }
    return *this;
  }
  thread(const thread&) = delete;
  thread& operator=(const thread&) = delete;

  // Requests a stop and joins, as std::jthread does.
  ~thread() { finish(); }

  // As of std::jthread.
  [[nodiscard]] bool joinable() const noexcept { return thread_.joinable(); }
  void join() { thread_.join(); }
  void detach() { thread_.detach(); }
  [[nodiscard]] id get_id() const noexcept { return thread_.get_id(); }
  [[nodiscard]] native_handle_type native_handle() { return thread_.native_handle(); }
  [[nodiscard]] std::stop_source get_stop_source() noexcept { return stop_; }
  [[nodiscard]] std::stop_token get_stop_token() const noexcept { return stop_.get_token(); }
  bool request_stop() noexcept { return stop_.request_stop(); }
  void swap(thread& other) noexcept {
    std::swap(stop_, other.stop_);
    std::swap(thread_, other.thread_);
  }
  friend void swap(thread& a, thread& b) noexcept { a.swap(b); }
  [[nodiscard]] static unsigned hardware_concurrency() noexcept { return std::thread::hardware_concurrency(); }

 private:
  void finish() noexcept {
    if (!thread_.joinable()) return;
    stop_.request_stop();
    thread_.join();
  }

  std::stop_source stop_;
  std::thread thread_;
};

}  // namespace behalf
