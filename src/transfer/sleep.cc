#include "behalf/sleep.h"

#include "behalf/error.h"
#include "transfer/timer_core.h"

namespace behalf::detail {

namespace {

// A task that waits for its time.
class Sleeper final : public TimedWork {
 public:
  Sleeper(TaskCore& task, std::coroutine_handle<> entrance) noexcept : task_(task), entrance_(entrance) {}

  void run(std::uint64_t) noexcept override { entrance_.resume(); }
  void dropped(std::exception_ptr why) noexcept override {
    task_.to_be_thrown = std::move(why);
    entrance_.resume();
  }
  void not_worn(std::exception_ptr why) noexcept override { task_.failed(std::move(why)).resume(); }

 private:
  TaskCore& task_;
  const std::coroutine_handle<> entrance_;
};

}  // namespace

void Sleep::await_suspend(std::coroutine_handle<> entrance, TaskCore& task) {
  stop_ = task.stop;
  alarm_ = std::make_shared<AlarmState>(task.who, std::make_unique<Sleeper>(task, entrance), where_);
  // Before it is set: from then on the task may go on, and take this away. A request to stop that comes in between is
  // noted in the alarm.
  when_stopped_.emplace(stop_, Hurry{this});
  const std::shared_ptr<TimerCore> core = core_;
  const AlarmPtr alarm = alarm_;
  core->set(alarm, time_, std::chrono::nanoseconds{0});
}

void Sleep::await_resume() {
  when_stopped_.reset();
  if (!stop_.stop_requested()) return;
  throw Error(Error::Reason::cancelled, "behalf: sleep_for: the task was asked to stop while it waited");
}

void Sleep::Hurry::operator()() const noexcept {
  sleep->core_->hurry(sleep->alarm_);
}

}  // namespace behalf::detail
