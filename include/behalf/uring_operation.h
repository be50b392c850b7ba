// Operations of a uring::Ring: requests that have been submitted, by whom, and who is told of their end. Included by
// uring.h; Result is what users see of it.
//
//   behalf::uring::Result opened = ring.run(alice, behalf::uring::open("/home/alice/x", O_RDONLY));
//   if (!opened) std::puts(std::strerror(opened.error_number()));  // or opened.value(), which throws
//
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#include "behalf/bind.h"
#include "behalf/carried.h"
#include "behalf/task.h"
#include "behalf/thread_pool.h"
#include "behalf/uring_request.h"

namespace behalf::uring {

// What a request came to: what the system call of its name would have returned.
class [[nodiscard]] Result {
 public:
  // Whether it did not fail.
  explicit operator bool() const noexcept { return raw_ >= 0; }
  // The descriptor, number of bytes, ... that the system call returns.
  // Errors: std::system_error where it failed; Error where it was not begun, since its identity could not be had or the
  // ring is being destroyed.
  [[nodiscard]] int value() const;
  // 0 where it did not fail. ECANCELED where it was cancelled, where an earlier one of its chain failed, and where it
  // was not begun.
  [[nodiscard]] int error_number() const noexcept { return raw_ < 0 ? -raw_ : 0; }

  // For the library's own use.
  Result(int raw, const char* call, std::exception_ptr refused) noexcept
      : raw_(raw), call_(call), refused_(std::move(refused)) {}

 private:
  int raw_;
  const char* call_;
  std::exception_ptr refused_;
};

namespace detail {

class Core;

// Takes the core down with it.
struct EndCore {
  void operator()(Core* core) const noexcept;
};
using CorePtr = std::unique_ptr<Core, EndCore>;

// One request or several linked ones. It stays where it is from submit() to ended().
class Operation {
 public:
  Operation(Carried identity, std::span<Request> requests) noexcept : whose(std::move(identity)), requests_(requests) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  // All its requests have ended, or none has begun. Called on the thread that drives the ring, which is the service.
  // The operation is its own again, and may go.
  virtual void ended() noexcept = 0;
  // Whether ended() runs code of others, which is put off until the ring is not in the middle of something.
  [[nodiscard]] virtual bool runs_code() const noexcept = 0;

  [[nodiscard]] std::span<Request> requests() const noexcept { return requests_; }
  [[nodiscard]] Result result(std::size_t request) const;

  Carried whose;
  std::exception_ptr refused;  // why nothing was begun

  // Of the core and the engine.
  struct Cancel {
    Core* core;
    Operation* operation;
    void operator()() const noexcept;
  };
  std::optional<std::stop_callback<Cancel>> stop;
  bool stop_asked = false;  // under the core's lock
  std::atomic<bool> cancelled{false};
  enum class State : std::uint8_t { outside, waiting, begun } state = State::outside;
  unsigned to_come = 0;         // completions
  bool cancel_to_come = false;  // of these: one of a cancellation, or of the pause before the next
  unsigned next_request = 0;
  unsigned piece = 0;       // the first request of what is under way of it
  bool one_by_one = false;  // though it is a chain
  bool lost_limit = false;  // what is under way is to be done anew, with its time limit
  int file = -1;            // `opened`
  Operation* next_cancelled = nullptr;
  Operation* next = nullptr;
  Operation* previous = nullptr;

 protected:
  ~Operation() = default;
  void set_requests(std::span<Request> requests) noexcept { requests_ = requests; }
  // Closes the files that it has opened and nobody is told of.
  void close_unclaimed() noexcept;
  // It is about to go, and the kernel writes to it: ends the process.
  [[noreturn]] static void refuse_to_go() noexcept;

 private:
  std::span<Request> requests_;
};

// Takes the operation over until it has ended.
void submit(Core& core, Operation& operation, std::stop_token stop);

// Lets a worker run the task, or, where it is the service's, the calling thread: the one that drives.
void tell(Core& core, behalf::detail::PoolTask* task) noexcept;

// What lets a task go on: as itself, on a worker.
std::unique_ptr<behalf::detail::PoolTask> resumption(behalf::detail::TaskCore& task, std::coroutine_handle<> entrance,
                                                     Place where);

template <class R>
struct Count : std::integral_constant<std::size_t, 0> {};
template <>
struct Count<Request> : std::integral_constant<std::size_t, 1> {};
template <std::size_t N>
struct Count<Chain<N>> : std::integral_constant<std::size_t, N> {};

template <class R>
inline constexpr std::size_t how_many = Count<std::remove_cvref_t<R>>::value;

// Requests are moved from: the ring has them then.
template <class R>
concept Requests = how_many<R> >
0 && !std::is_lvalue_reference_v<R>;

inline std::span<Request, 1> all(Request& request) noexcept {
  return std::span<Request, 1>(&request, 1);
}
template <std::size_t N>
std::span<Request, N> all(Chain<N>& chain) noexcept {
  return chain.requests();
}

template <std::size_t N, class F>
auto results_of(F&& result) {
  if constexpr (N == 1) {
    return result(0);
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<Result, N>{result(I)...};
    }
    (std::make_index_sequence<N>());
  }
}

template <std::size_t N>
class OperationOf : public Operation {
 public:
  OperationOf(Carried identity, std::span<Request, N> requests)
      : Operation(std::move(identity), {}), own_([&]<std::size_t... I>(std::index_sequence<I...>) {
          return std::array<Request, N>{std::move(requests[I])...};
        }(std::make_index_sequence<N>())) {
    set_requests(own_);
  }

  [[nodiscard]] auto results() const {
    return results_of<N>([this](std::size_t i) { return result(i); });
  }

 protected:
  ~OperationOf() = default;

 private:
  std::array<Request, N> own_;
};

template <class Then>
struct TellsAs {
  static Carried of(const Then&, const Carried& whose) { return whose; }
};
template <class F>
struct TellsAs<Bound<F>> {
  static Carried of(const Bound<F>& then, const Carried&) { return then.who(); }
};

// An operation with a callback, which is what a worker then runs.
template <std::size_t N, class Then>
class Told final : public OperationOf<N>, public behalf::detail::PoolTask {
 public:
  template <class T>
  Told(Core& core, const Carried& identity, std::span<Request, N> requests, T&& then, Place submitted_at)
      : OperationOf<N>(identity, requests),
        PoolTask(TellsAs<Then>::of(then, identity), {}, submitted_at),
        core_(core),
        then_(std::forward<T>(then)) {
    using Results = decltype(this->results());
    static_assert(std::is_invocable_v<Then&, const Results&>,
                  "behalf::uring: the callback is called with a Result, or with an array of them where a chain was "
                  "submitted");
    static_assert(!behalf::detail::Awaitable<std::invoke_result_t<Then&, const Results&>>,
                  "behalf::uring: the callback returns an awaitable (a coroutine), which nobody would await. In a "
                  "behalf::task write co_await ring.submit(request)");
  }

  void ended() noexcept override { tell(core_, this); }
  [[nodiscard]] bool runs_code() const noexcept override { return true; }

  void run(const std::stop_token&) noexcept override {
    std::invoke(*then_, std::as_const(*this).results());
    then_.reset();
  }
  // Whoever waits for a result gets it, also where the pool is cancelled.
  void drop(std::exception_ptr) noexcept override { run({}); }
  void fail(std::exception_ptr) noexcept override { this->close_unclaimed(); }
  [[nodiscard]] bool has_callable() const noexcept override { return then_.has_value(); }
  void complete() noexcept override {}

 private:
  Core& core_;
  std::optional<Then> then_;
};

// An operation that a task awaits.
template <std::size_t N>
class Awaited final : public OperationOf<N> {
 public:
  Awaited(Core& core, Carried identity, std::span<Request, N> requests, Place where)
      : OperationOf<N>(std::move(identity), requests), core_(core), where_(where) {}
  ~Awaited() {
    if (under_way_) this->refuse_to_go();
    if (!taken_) this->close_unclaimed();
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> entrance, behalf::detail::TaskCore& task) {
    goes_on_ = resumption(task, entrance, where_);
    under_way_ = true;
    detail::submit(core_, *this, task.stop);
  }
  auto await_resume() {
    if (this->refused) std::rethrow_exception(this->refused);
    taken_ = true;
    return this->results();
  }

  void ended() noexcept override {
    under_way_ = false;
    tell(core_, goes_on_.release());
  }
  [[nodiscard]] bool runs_code() const noexcept override { return true; }

 private:
  Core& core_;
  Place where_;
  std::unique_ptr<behalf::detail::PoolTask> goes_on_;
  bool under_way_ = false;
  bool taken_ = false;
};

// Waits for the end of a Batch.
class BatchWait {
 public:
  explicit BatchWait(std::size_t left) noexcept : left_(left) {}
  void one_ended() noexcept;
  [[nodiscard]] bool over() noexcept;
  void wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t left_;
};

// An operation of a Batch.
class Pending final : public Operation {
 public:
  Pending() noexcept : Operation(Carried(as_service), {}) {}
  // Begins anew.
  void be(Carried identity, std::span<Request> requests);
  void told(BatchWait& wait) noexcept { wait_ = &wait; }
  void ended() noexcept override { wait_->one_ended(); }
  [[nodiscard]] bool runs_code() const noexcept override { return false; }

 private:
  std::vector<Request> own_;
  BatchWait* wait_ = nullptr;
};

}  // namespace detail

}  // namespace behalf::uring
