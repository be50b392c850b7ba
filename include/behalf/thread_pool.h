// ThreadPool: work runs as whoever submitted it.
//
//   behalf::ThreadPool pool;
//   std::future<int> lines;
//   {
//     behalf::Impersonation as{alice};
//     lines = pool.submit([] { return count_lines("/home/alice/note.txt"); });  // as alice
//     pool.submit(behalf::as_service, [] { rotate_the_log(); });                // as the service, by name
//   }
//   pool.submit(bob, [] { index_his_files(); });                                // as bob, whoever submits
//   int n = lines.get();
//
// Workers are identity-affine: a worker that wears an identity takes work of the same identity first, so that
// neighbours are run without a switch in between. No task is overtaken by more younger tasks than `overtaken_at_most`
// and `overtaken_for` allow.
// A worker that finds nothing to do gives the identity back before it sleeps.
//
// Workers start as the service, whoever makes the pool, with asynchronous signals blocked, and get a fresh session
// keyring before they go to another user, with these signals blocked anew. A task, its captures and an unclaimed result
// are destroyed as the user. A task whose identity cannot be taken is not run, and its future gets the error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/place.h"
#include "behalf/run_as.h"

namespace behalf {

// A task that left its worker as somebody else than it found it.
struct Strayed {
  Place task;          // where it was submitted
  std::string what;    // what it left behind
  unsigned among = 1;  // it was this task, or one of so many together with those of its user right before it
};

struct ThreadPoolOptions {
  unsigned threads = 0;  // 0: one for each processor

  // How many tasks may be queued, and what a submitter meets where there is no room: it waits, or gets an Error of
  // reason queue_full. try_submit() is for callers who decide each time. A worker of the pool itself is never made to
  // wait.
  std::size_t capacity = SIZE_MAX;
  enum class WhenFull { wait, refuse } when_full = WhenFull::wait;

  // How many younger tasks may be started before a task that waits: so many, or as many as the pool starts in that
  // time, whichever is more (it is reckoned from what it started in the last such time, or the last 10 ms). More means
  // fewer switches, the time is what makes a difference to short tasks: a switch and its return take as long as four
  // small files are read. 0 is first come, first served, whatever the time.
  std::size_t overtaken_at_most = 256;
  std::chrono::milliseconds overtaken_for{10};

  // How long a worker without work keeps what it wears. While it does, it is a thread that wears a user for nothing.
  std::chrono::milliseconds keeps{0};

  // What becomes of queued tasks when the pool is destroyed: they are run, or their futures get an Error of reason
  // cancelled. Either way every future is satisfied, and the pool's stop token asks to stop.
  enum class AtEnd { drain, cancel } at_end = AtEnd::drain;

  // Whether each task has left its worker as it found it.
  //
  // kernel: After each task the kernel is asked for all (6 system calls), before the task's future is ready. What it
  //   left raised or changed, no other task runs with.
  // wire: For tasks that are known not to touch capabilities and groups by themselves, and are so short that those
  //   calls tell. After each task the kernel is asked, by one system call, whether its effective or file-system ids
  //   have changed, and for all that it keeps (6 more) where they have, even if they were changed back. So whoever runs
  //   as somebody else is found at once, and the task is named. The rest is real and saved ids, groups and capabilities
  //   without a change of those ids (capset(2), and setgroups(2) after it). For these the kernel is asked for all
  //   before the worker is anybody else or waits, after a task during which its clock ticked (4 ms), and after 32
  //   tasks: found then is that it was the last task or one of those before it of the same user (Strayed::among), and
  //   the tasks between ran as that user with what it left. After each task of the service's, which may change its
  //   groups without a trace, the kernel is asked for all.
  // memo: The library's own memo alone is asked (none), which does not see system calls that a task made by itself.
  //
  // A worker to which wire lays its wire has the parent-death signal SIGURG (prctl(2), PR_SET_PDEATHSIG), which is
  // sent to the process, and ignored there unless it has a handler, when the thread that started the process ends. One
  // that was given another by a task is left that, and asked for all after each.
  enum class Check { wire, kernel, memo } check = Check::kernel;

  // A worker that came back as somebody else: the process ends, or the worker is made the service again and the task is
  // counted. by_build: end_process where the library was built without NDEBUG, otherwise reset.
  enum class WhenStrayed { by_build, end_process, reset } when_strayed = WhenStrayed::by_build;
  // Told of it on the worker, before either. By default nobody is told but by counts(), and standard error when the
  // process ends.
  void (*on_strayed)(const Strayed&) noexcept = nullptr;
};

struct ThreadPoolCounts {
  std::uint64_t submitted = 0;
  std::uint64_t started = 0;         // taken from the queue, whatever became of them
  std::uint64_t cancelled = 0;       // of these: dropped
  std::uint64_t not_worn = 0;        // of these: the identity could not be taken
  std::uint64_t strayed = 0;         // of these: left the worker as somebody else
  std::uint64_t switches = 0;        // takings of an identity
  std::uint64_t most_overtaken = 0;  // the most younger tasks that were started before a task
  std::size_t queued = 0;            // now
  std::size_t identities = 0;        // now, that have work queued
};

namespace detail {

struct PoolQueue;

// A task on its way. It is run or dropped as its user, who is worn by then, and that destroys the callable.
class PoolTask {
 public:
  PoolTask(Carried carried, std::stop_token stop_asked, Place submitted_at) noexcept
      : who(std::move(carried)), stop(std::move(stop_asked)), where(submitted_at) {}
  PoolTask(const PoolTask&) = delete;
  PoolTask& operator=(const PoolTask&) = delete;
  virtual ~PoolTask() = default;

  virtual void run(const std::stop_token& of_pool) noexcept = 0;
  virtual void drop(std::exception_ptr why) noexcept = 0;
  // The identity could not be taken: the callable is left alone.
  virtual void fail(std::exception_ptr why) noexcept = 0;
  // It has run, and its identity could not be taken again: what it resulted in is left alone.
  virtual void lose(std::exception_ptr) noexcept {}
  // Whether there is something left that must be destroyed as the user.
  [[nodiscard]] virtual bool has_callable() const noexcept = 0;
  // Whether run() makes use of the pool's stop token.
  [[nodiscard]] virtual bool takes_stop() const noexcept { return false; }
  // Tells who waits; called last.
  virtual void complete() noexcept = 0;

  const Carried who;
  const std::stop_token stop;
  const Place where;

  // Of the pool, under its lock.
  std::uint64_t number = 0;
  PoolQueue* queue = nullptr;
  PoolTask* next_of_queue = nullptr;
  PoolTask* older = nullptr;
  PoolTask* younger = nullptr;
};

template <class F>
struct PoolResult {
  using type = std::invoke_result_t<F>;
};
template <class F>
requires std::is_invocable_v<F, std::stop_token>
struct PoolResult<F> {
  using type = std::invoke_result_t<F, std::stop_token>;
};

template <class F, class Result>
class PoolTaskOf final : public PoolTask {
 public:
  template <class G>
  PoolTaskOf(Carried carried, std::stop_token stop_asked, Place submitted_at, G&& g)
      : PoolTask(std::move(carried), std::move(stop_asked), submitted_at), f_(std::forward<G>(g)) {}

  std::future<Result> future() { return promise_.get_future(); }

  void run(const std::stop_token& of_pool) noexcept override {
    try {
      if constexpr (std::is_invocable_v<F, std::stop_token>) {
        outcome_.fill(
            [&]() -> decltype(auto) { return std::invoke(std::move(*f_), stop.stop_possible() ? stop : of_pool); });
      } else {
        outcome_.fill([&]() -> decltype(auto) { return std::invoke(std::move(*f_)); });
      }
    } catch (...) {
      thrown_ = std::current_exception();
      if (thrown_ == nullptr) std::terminate();  // pthread_exit(3): a worker is not to lose its thread
    }
    f_.reset();
  }

  void drop(std::exception_ptr why) noexcept override {
    thrown_ = std::move(why);
    f_.reset();
  }

  void fail(std::exception_ptr why) noexcept override { thrown_ = std::move(why); }
  void lose(std::exception_ptr why) noexcept override {
    if (!thrown_) thrown_ = std::move(why);
  }

  [[nodiscard]] bool has_callable() const noexcept override { return f_.has_value(); }
  [[nodiscard]] bool takes_stop() const noexcept override { return std::is_invocable_v<F, std::stop_token>; }

  void complete() noexcept override {
    if (thrown_) {
      promise_.set_exception(std::exchange(thrown_, nullptr));
    } else if constexpr (std::is_void_v<Result>) {
      promise_.set_value();
    } else {
      try {
        promise_.set_value(outcome_.take());
      } catch (...) {
        promise_.set_exception(std::current_exception());
      }
    }
  }

 private:
  std::optional<F> f_;
  Outcome<Result> outcome_;
  std::exception_ptr thrown_;
  std::promise<Result> promise_;
};

// A task for whose end nobody waits.
template <class F>
class PoolTaskAlone final : public PoolTask {
 public:
  template <class G>
  PoolTaskAlone(Carried carried, Place submitted_at, G&& g)
      : PoolTask(std::move(carried), {}, submitted_at), f_(std::forward<G>(g)) {}

  void run(const std::stop_token& of_pool) noexcept override {
    if constexpr (std::is_invocable_v<F, std::stop_token>) {
      std::invoke(std::move(*f_), of_pool);
    } else {
      std::invoke(std::move(*f_));
    }
    f_.reset();
  }
  void drop(std::exception_ptr) noexcept override { f_.reset(); }
  void fail(std::exception_ptr) noexcept override {}
  [[nodiscard]] bool has_callable() const noexcept override { return f_.has_value(); }
  [[nodiscard]] bool takes_stop() const noexcept override { return std::is_invocable_v<F, std::stop_token>; }
  void complete() noexcept override {}

 private:
  std::optional<F> f_;
};

template <class Who>
concept SaysWho = std::is_same_v<std::remove_cvref_t<Who>, Token> ||
    std::is_same_v<std::remove_cvref_t<Who>, as_service_t> || std::is_same_v<std::remove_cvref_t<Who>, Carried>;

}  // namespace detail

class ThreadPool {
 public:
  // Effects: starts the workers, as the service. Errors: Error of reason out_of_resources where one cannot be started.
  // Cost: the threads, and an AsService.
  explicit ThreadPool(const ThreadPoolOptions& options = {});
  // Runs or cancels what is queued, as the options say, and joins the workers; who waits in submit() for room gets an
  // Error of reason cancelled, and has left. Not from a task of the pool.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Effects: f(), or f(stop_token) where it can be called so, runs on a worker with the calling thread's identity, or
  // with the one given (a Token, as_service, a Carried). A task whose stop_token asks to stop before it has started is
  // not run, and its future gets an Error of reason cancelled. Where no stop_token is given, f gets the pool's, which
  // cancel() and the end of the pool stop.
  //
  // Errors: those of Carried; Error of reason queue_full (see the options), and cancelled where the pool is being
  // destroyed. f is then destroyed as the identity. The future gets: what f throws, Error as of Impersonation.
  //
  // Thread-safe. Cost: no system call but those of locks and of waking a worker; two allocations. Running it costs an
  // Impersonation where the worker wears another identity, and see ThreadPoolOptions::check.
  template <class F>
  requires(!detail::SaysWho<F>) auto submit(F&& f, std::stop_token stop = {}, Place where = Place::here()) {
    return submit(Carried(), std::forward<F>(f), std::move(stop), where);
  }
  template <detail::SaysWho Who, class F>
  auto submit(const Who& who, F&& f, std::stop_token stop = {}, Place where = Place::here()) {
    auto [task, future] = make(Carried(who), std::forward<F>(f), std::move(stop), where);
    (void)enqueue(task.release(), false);
    return std::move(future);
  }

  // The same, but nothing where there is no room; f has then been destroyed as the identity.
  template <class F>
  requires(!detail::SaysWho<F>) auto try_submit(F&& f, std::stop_token stop = {}, Place where = Place::here()) {
    return try_submit(Carried(), std::forward<F>(f), std::move(stop), where);
  }
  template <detail::SaysWho Who, class F>
  auto try_submit(const Who& who, F&& f, std::stop_token stop = {}, Place where = Place::here()) {
    auto [task, future] = make(Carried(who), std::forward<F>(f), std::move(stop), where);
    std::optional<std::remove_reference_t<decltype(future)>> result;
    if (enqueue(task.release(), true)) result.emplace(std::move(future));
    return result;
  }

  // Effects: as submit(), for who does not wait for the end: there is no future. An exception that leaves f ends the
  // process, as of std::thread. A task that is cancelled, or whose identity cannot be taken, is counted (counts()).
  // Errors: as submit(). Thread-safe. Cost: as submit(), with one allocation.
  template <class F>
  requires(!detail::SaysWho<F>) void post(F&& f, Place where = Place::here()) {
    post(Carried(), std::forward<F>(f), where);
  }
  template <detail::SaysWho Who, class F>
  void post(const Who& who, F&& f, Place where = Place::here()) {
    using Callable = std::decay_t<F>;
    refuse_awaitable<typename detail::PoolResult<Callable>::type>();
    auto task = std::make_unique<detail::PoolTaskAlone<Callable>>(Carried(who), where, std::forward<F>(f));
    (void)enqueue(task.release(), false);
  }

  // Effects: the tasks queued now are not run; their futures get an Error of reason cancelled, and those that run are
  // asked to stop. The pool goes on. Errors: none. Thread-safe.
  void cancel();

  // Returns when nothing is queued, nothing runs and every worker has given back what it wore. Thread-safe; not from a
  // task of the pool.
  void wait_until_idle();

  // Thread-safe. Cost: a lock.
  [[nodiscard]] ThreadPoolCounts counts() const;
  [[nodiscard]] unsigned threads() const noexcept;

  // For the library's own use: takes the task over, whatever happens.
  bool enqueue(detail::PoolTask* task, bool only_if_room);
  // The same for what must not wait and has nobody to throw to: there is room always, and what cannot be queued fails.
  void take_over(detail::PoolTask* task) noexcept;

 private:
  template <class Result>
  static constexpr void refuse_awaitable() {
    static_assert(
        !detail::Awaitable<Result>,
        "behalf::ThreadPool: the callable returns an awaitable (a coroutine), which would be run later, after "
        "the identity was given back. Start a behalf::task with behalf::start(pool, task), or let it come to "
        "the pool by co_await behalf::schedule(pool)");
  }

  template <class F>
  static auto make(Carried who, F&& f, std::stop_token stop, Place where) {
    using Callable = std::decay_t<F>;
    using Result = typename detail::PoolResult<Callable>::type;
    refuse_awaitable<Result>();
    auto task = std::make_unique<detail::PoolTaskOf<Callable, Result>>(std::move(who), std::move(stop), where,
                                                                       std::forward<F>(f));
    auto future = task->future();
    return std::pair(std::move(task), std::move(future));
  }

  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace behalf
