// bind(): a callable that takes an identity with it. It runs, and is destroyed, as whoever made it, on whatever thread.
//
//   behalf::Impersonation as{alice};
//   auto result = std::async(std::launch::deferred, behalf::bind([] { return count_files(); }));
//   service_thread.run([&] { result.get(); });  // counted as alice
//
// The callable and what it captured live in one allocation: moving the Bound runs no code of theirs. They are
// destroyed under the identity too, also where they were never called; on the main thread, which is not impersonated
// in `full`, a worker destroys them.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/run_as.h"

namespace behalf {

template <class F>
class Bound {
 public:
  // For the library's own use: bind() makes these.
  Bound(Carried who, F&& f) : who_(std::move(who)), f_(new F(std::move(f))) {}
  Bound(Carried who, const F& f) : who_(std::move(who)), f_(new F(f)) {}

  Bound(Bound&& other) noexcept : who_(other.who_), f_(std::exchange(other.f_, nullptr)) {}
  Bound& operator=(Bound&& other) noexcept {
    if (this != &other) {
      reset();
      who_ = other.who_;
      f_ = std::exchange(other.f_, nullptr);
    }
    return *this;
  }
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;
  ~Bound() { reset(); }

  // Whether there is a callable: false once it has been moved away or called for the last time.
  explicit operator bool() const noexcept { return f_ != nullptr; }

  // As whom it runs.
  [[nodiscard]] const Carried& who() const noexcept { return who_; }
  // For the library's own use: the callable, where there is one; not to be called.
  [[nodiscard]] const F& callable() const noexcept { return *f_; }

  // Effects: calls it with the identity worn; the thread is given back afterwards.
  // Errors: what the callable throws; Error as of Impersonation (on the main thread, in `full`: main_thread); it has
  // then not been called. Thread-safe as far as the callable is. Cost: as Impersonation.
  template <class... Arguments>
  std::invoke_result_t<F&, Arguments...> operator()(Arguments&&... arguments) & {
    refuse_awaitable<std::invoke_result_t<F&, Arguments...>>();
    return who_.run([&]() -> decltype(auto) { return std::invoke(*f_, std::forward<Arguments>(arguments)...); });
  }

  // For the last time: it is destroyed within the same scope, which saves wearing the identity twice.
  template <class... Arguments>
  std::invoke_result_t<F, Arguments...> operator()(Arguments&&... arguments) && {
    refuse_awaitable<std::invoke_result_t<F, Arguments...>>();
    return who_.run([&]() -> decltype(auto) {
      const std::unique_ptr<F> own(std::exchange(f_, nullptr));
      return std::invoke(std::move(*own), std::forward<Arguments>(arguments)...);
    });
  }

 private:
  template <class Result>
  static constexpr void refuse_awaitable() {
    static_assert(!detail::Awaitable<Result>,
                  "behalf::bind: the callable returns an awaitable (a coroutine), which would be run later, after the "
                  "identity was given back. For coroutines use behalf::task, which carries its identity itself.");
  }

  void reset() noexcept {
    if (f_ == nullptr) return;
    if constexpr (std::is_trivially_destructible_v<F>) {
      delete f_;
    } else {
      detail::destroy_as(
          who_, [](void* f) noexcept { delete static_cast<F*>(f); }, f_);
    }
    f_ = nullptr;
  }

  Carried who_;
  F* f_;
};

// Effects: captures the calling thread's identity, as Carried does. Errors: those of Carried, of copying f, and
// std::bad_alloc. Thread-safe. Cost: one allocation; no system call.
template <class F>
[[nodiscard]] Bound<std::decay_t<F>> bind(F&& f) {
  return {Carried(), std::forward<F>(f)};
}

// The same with an identity given.
template <class F>
[[nodiscard]] Bound<std::decay_t<F>> bind(const Token& token, F&& f) {
  return {Carried(token), std::forward<F>(f)};
}
template <class F>
[[nodiscard]] Bound<std::decay_t<F>> bind(as_service_t service, F&& f) {
  return {Carried(service), std::forward<F>(f)};
}

}  // namespace behalf
