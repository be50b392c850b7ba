#include "behalf/timer.h"

#include "transfer/timer_core.h"

namespace behalf {

Timer::Timer() : own_(std::make_unique<ThreadPool>(ThreadPoolOptions{.threads = 1})) {
  core_ = std::make_shared<detail::TimerCore>(*own_);
  core_->start();
}

Timer::Timer(ThreadPool& pool) : core_(std::make_shared<detail::TimerCore>(pool)) {
  core_->start();
}

Timer::~Timer() {
  core_->end();
}

Alarm Timer::set(Carried who, std::chrono::nanoseconds time, std::chrono::nanoseconds period, Work work, Place where) {
  detail::AlarmPtr alarm;
  try {
    alarm = std::make_shared<detail::AlarmState>(who, std::move(work), where);
  } catch (...) {
    if (work != nullptr) {
      detail::destroy_as(
          who, [](void* it) noexcept { delete static_cast<detail::TimedWork*>(it); }, work.release());
    }
    throw;
  }
  core_->set(alarm, time, period);
  return {core_, std::move(alarm)};
}

TimerCounts Timer::counts() const noexcept {
  return core_->counts();
}

bool Alarm::cancel() noexcept {
  if (state_ == nullptr) return false;
  const bool was_set = core_->cancel(state_);
  detach();
  return was_set;
}

void Alarm::detach() noexcept {
  state_.reset();
  core_.reset();
}

bool Alarm::is_set() const noexcept {
  return state_ != nullptr && core_->is_set(state_);
}

}  // namespace behalf
