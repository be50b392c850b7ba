// sleep_for(): a task waits for a time, and no thread waits with it nor wears its identity meanwhile.
//
//   behalf::task<> poll(behalf::Timer& timer, Mail& mail) {
//     while (!mail.has_come()) co_await behalf::sleep_for(timer, 10s);  // goes on as the same user
//   }
//
#pragma once

#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>

#include "behalf/place.h"
#include "behalf/task.h"
#include "behalf/timer.h"

namespace behalf {

namespace detail {

class Sleep {
 public:
  Sleep(Timer& timer, std::chrono::nanoseconds time, Place where) : core_(timer.core()), time_(time), where_(where) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> entrance, TaskCore& task);
  void await_resume();

 private:
  struct Hurry {
    Sleep* sleep;
    void operator()() const noexcept;
  };

  const std::shared_ptr<TimerCore> core_;
  const std::chrono::nanoseconds time_;
  const Place where_;
  std::shared_ptr<AlarmState> alarm_;
  std::stop_token stop_;
  std::optional<std::stop_callback<Hurry>> when_stopped_;
};

}  // namespace detail

// `co_await sleep_for(timer, time)`: the task goes on after that time, on a worker of the timer's pool. Errors, thrown
// in the body: Error of reason cancelled, at once, where the task is asked to stop or the timer or its pool ends; as of
// Timer::after. Cost: as Timer::after.
[[nodiscard]] inline detail::Sleep sleep_for(Timer& timer, std::chrono::nanoseconds time, Place where = Place::here()) {
  return {timer, time, where};
}

}  // namespace behalf
