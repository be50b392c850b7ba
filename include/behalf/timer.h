// Timer: what is to be done later is done as whoever asked for it.
//
//   behalf::Timer timer;
//   {
//     behalf::Impersonation as{alice};
//     behalf::Alarm draft = timer.after(30s, [] { save_her_draft(); });          // as alice
//     timer.every(1min, [] { fetch_her_mail(); }).detach();                      // as alice, each time
//     timer.every(behalf::as_service, 1h, [] { rotate_the_log(); }).detach();    // as the service, by name
//   }                                                                            // the draft's alarm is cancelled
//
// One thread keeps the time, by one timerfd_create(2), and is never anybody but the service. What is due is run by a
// ThreadPool: one of a single worker that the Timer has, or one that is given to it; so all that ThreadPool promises of
// a task holds here too (the worker is given back, a task that strays is told of, asynchronous signals are blocked).
//
// timer_create(2) with SIGEV_THREAD is what it replaces: there one helper thread, a copy of whoever made the first
// timer of the process, starts the callbacks of all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/place.h"
#include "behalf/run_as.h"
#include "behalf/thread_pool.h"

namespace behalf {

namespace detail {

// What is to be done later. Run, told and destroyed as its user.
struct TimedWork {
  TimedWork() = default;
  TimedWork(const TimedWork&) = delete;
  TimedWork& operator=(const TimedWork&) = delete;
  virtual ~TimedWork() = default;

  virtual void run(std::uint64_t periods) noexcept = 0;
  // It will not be run: it was dropped; its identity could not be taken (and then this is called as the service).
  virtual void dropped(std::exception_ptr) noexcept {}
  virtual void not_worn(std::exception_ptr) noexcept {}
};

template <class F>
class TimedWorkOf final : public TimedWork {
 public:
  template <class G>
  explicit TimedWorkOf(std::in_place_t, G&& g) : f_(std::forward<G>(g)) {}

  void run(std::uint64_t periods) noexcept override {
    if constexpr (std::is_invocable_v<F&, std::uint64_t>) {
      static_assert(!Awaitable<std::invoke_result_t<F&, std::uint64_t>>,
                    "behalf::Timer: the callable returns an awaitable");
      std::invoke(f_, periods);
    } else {
      static_assert(!Awaitable<std::invoke_result_t<F&>>,
                    "behalf::Timer: the callable returns an awaitable (a coroutine), which nobody would await. Let a "
                    "behalf::task wait with co_await behalf::sleep_for(timer, …)");
      std::invoke(f_);
    }
  }

 private:
  F f_;
};

struct AlarmState;
class TimerCore;

}  // namespace detail

// An alarm that was set. As long as the object lives the alarm is set; detach() lets it go on without. Of one owner.
class [[nodiscard]] Alarm {
 public:
  Alarm() noexcept = default;
  Alarm(Alarm&&) noexcept = default;
  Alarm& operator=(Alarm&& other) noexcept {
    if (this != &other) {
      cancel();
      core_ = std::move(other.core_);
      state_ = std::move(other.state_);
    }
    return *this;
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { cancel(); }

  // Effects: it does not go off any more, and when this returns it does not run and its callable has been destroyed as
  // its user. Waits for the end of a callable that runs just now, unless called by that one itself. Returns whether it
  // would have gone off, or gone off once more. Errors: none. Cost: a lock, and an Impersonation where there is a
  // callable to destroy.
  bool cancel() noexcept;

  // Effects: it goes off although the object is gone, as long as there is the Timer. Errors: none.
  void detach() noexcept;

  // Whether it will go off, once more, unless something is done. Thread-safe. Cost: a lock.
  [[nodiscard]] bool is_set() const noexcept;

  // For the library's own use: Timer makes these.
  Alarm(std::shared_ptr<detail::TimerCore> core, std::shared_ptr<detail::AlarmState> state) noexcept
      : core_(std::move(core)), state_(std::move(state)) {}

 private:
  std::shared_ptr<detail::TimerCore> core_;
  std::shared_ptr<detail::AlarmState> state_;
};

struct TimerCounts {
  std::size_t set = 0;         // now
  std::uint64_t gone_off = 0;  // callables that were run
  std::uint64_t not_worn = 0;  // times that one was not, since its identity could not be taken
  std::uint64_t late = 0;      // periods that passed while the one before was waiting or running
};

class Timer {
 public:
  // Effects: starts, as the service, the thread that keeps the time, and a worker where no pool is given, which must
  // outlive the Timer. Errors: Error of reason out_of_resources, platform. Cost: the threads and a descriptor.
  Timer();
  explicit Timer(ThreadPool& pool);
  // Cancels all alarms, detached or not, and waits for those that run. Not from an alarm of its own.
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Effects: after that time f() runs, as the calling thread's identity or as the one given (a Token, as_service, a
  // Carried). f is destroyed as the user too, whether it has run or not. Time is that of steady_clock: it stands still
  // while the machine sleeps; a time that is not positive is now. An exception that leaves f ends the process, as of
  // std::thread. Where the identity cannot be taken f is not run, which counts() tells.
  //
  // Errors: those of Carried; Error of reason out_of_resources, and cancelled where the Timer is being destroyed; f is
  // then destroyed as the identity. Thread-safe. Cost: three allocations; one system call where no earlier alarm is
  // set. When it goes off: those of ThreadPool::post.
  template <class F>
  requires(!detail::SaysWho<F>) Alarm after(std::chrono::nanoseconds time, F&& f, Place where = Place::here()) {
    return after(Carried(), time, std::forward<F>(f), where);
  }
  template <detail::SaysWho Who, class F>
  Alarm after(const Who& who, std::chrono::nanoseconds time, F&& f, Place where = Place::here()) {
    return set(Carried(who), time, std::chrono::nanoseconds{0}, make_work(std::forward<F>(f)), where);
  }

  // The same each time that a period has passed, the first time after one. It never runs twice at the same time: what
  // would have gone off meanwhile goes off once, at the end, and f(periods), where it can be called so, is told how
  // many have passed. A period of less than a microsecond is one. Where the identity cannot be taken it is tried again
  // the next time.
  template <class F>
  requires(!detail::SaysWho<F>) Alarm every(std::chrono::nanoseconds period, F&& f, Place where = Place::here()) {
    return every(Carried(), period, std::forward<F>(f), where);
  }
  template <detail::SaysWho Who, class F>
  Alarm every(const Who& who, std::chrono::nanoseconds period, F&& f, Place where = Place::here()) {
    if (period < std::chrono::microseconds{1}) period = std::chrono::microseconds{1};
    return set(Carried(who), period, period, make_work(std::forward<F>(f)), where);
  }

  // Thread-safe. Cost: a lock.
  [[nodiscard]] TimerCounts counts() const noexcept;

  // For the library's own use.
  [[nodiscard]] const std::shared_ptr<detail::TimerCore>& core() const noexcept { return core_; }

 private:
  using Work = std::unique_ptr<detail::TimedWork>;

  template <class F>
  static Work make_work(F&& f) {
    return std::make_unique<detail::TimedWorkOf<std::decay_t<F>>>(std::in_place, std::forward<F>(f));
  }

  Alarm set(Carried who, std::chrono::nanoseconds time, std::chrono::nanoseconds period, Work work, Place where);

  std::unique_ptr<ThreadPool> own_;  // its end waits for what runs, after the core has ended
  std::shared_ptr<detail::TimerCore> core_;
};

}  // namespace behalf
