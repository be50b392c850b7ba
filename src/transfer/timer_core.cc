#include "transfer/timer_core.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <new>
#include <system_error>
#include <vector>

#include "behalf/error.h"
#include "identity/errors.h"
#include "transfer/later.h"

namespace behalf::detail {

namespace {

constexpr std::chrono::milliseconds until_there_is_memory{10};

std::exception_ptr dropped_with_the_timer() {
  return std::make_exception_ptr(Error(
      Error::Reason::cancelled, "behalf: Timer: what was to be done later is dropped: the timer is being destroyed"));
}

int make_clock() {
  const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);  // the clock of steady_clock
  if (fd >= 0) return fd;
  const int error = errno;
  throw Error(Error::Reason::out_of_resources, "behalf: Timer: timerfd_create: " + error_words(error), error);
}

void destroy_work(void* work) noexcept {
  delete static_cast<TimedWork*>(work);
}

// An alarm that is due, in the queue of the pool. Run as its user.
class Due final : public PoolTask {
 public:
  Due(std::shared_ptr<TimerCore> core, AlarmPtr alarm)
      : PoolTask(alarm->who, {}, alarm->where), core_(std::move(core)), alarm_(std::move(alarm)) {}

  void run(const std::stop_token&) noexcept override {
    switch (begin()) {
      case TimerCore::Turn::run:
        outcome_ = TimerCore::Outcome::ran;
        alarm_->work->run(alarm_->periods);
        if (alarm_->period.count() == 0) destroy();
        break;
      case TimerCore::Turn::drop:
        alarm_->work->dropped(dropped_with_the_timer());
        destroy();
        break;
      case TimerCore::Turn::nothing:
        break;
    }
  }

  void drop(std::exception_ptr why) noexcept override {
    if (begin() == TimerCore::Turn::nothing || alarm_->period.count() != 0) return;
    alarm_->work->dropped(std::move(why));
    destroy();
  }

  void fail(std::exception_ptr why) noexcept override {
    if (begin() == TimerCore::Turn::nothing) return;
    outcome_ = TimerCore::Outcome::not_worn;
    alarm_->work->not_worn(std::move(why));
  }

  [[nodiscard]] bool has_callable() const noexcept override { return false; }  // the alarm has it
  void complete() noexcept override {
    if (begun_) core_->done(alarm_, outcome_);
  }

 private:
  TimerCore::Turn begin() noexcept {
    const TimerCore::Turn turn = core_->begin(alarm_);
    begun_ = turn != TimerCore::Turn::nothing;
    return turn;
  }

  // Nobody else looks at the work of an alarm that runs.
  void destroy() noexcept { delete std::exchange(alarm_->work, nullptr); }

  const std::shared_ptr<TimerCore> core_;
  const AlarmPtr alarm_;
  bool begun_ = false;
  TimerCore::Outcome outcome_ = TimerCore::Outcome::skipped;
};

}  // namespace

AlarmState::~AlarmState() {
  if (work != nullptr) destroy_as(who, destroy_work, work);
}

TimerCore::TimerCore(ThreadPool& pool) : pool_(pool), clock_(make_clock()) {}

TimerCore::~TimerCore() = default;

void TimerCore::start() {
  try {
    const ThreadsOfService born;
    keeper_ = std::thread([this] { keep_time(); });
  } catch (const std::system_error& error) {
    throw Error(Error::Reason::out_of_resources,
                std::string{"behalf: Timer: start the thread that keeps the time: "} + error.what(),
                error.code().value());
  }
}

void TimerCore::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (const auto& [key, alarm] : waiting_) alarm->phase = AlarmState::Phase::due;
    due_.merge(waiting_);
    arm();
  }
  if (keeper_.joinable()) keeper_.join();
  std::unique_lock lock(mutex_);
  while (!due_.empty()) {
    const AlarmPtr alarm = due_.begin()->second;
    lock.unlock();
    drop(alarm);  // and not the pool, which may come to it after the task that this is called in
    lock.lock();
  }
  changed_.wait(lock, [this] { return running_ == 0; });
}

void TimerCore::drop(const AlarmPtr& alarm) noexcept {
  Due due(shared_from_this(), alarm);
  const auto run = [](void* it) noexcept { static_cast<Due*>(it)->run({}); };
  if (!done_as(alarm->who, run, &due)) due.fail(dropped_with_the_timer());
  due.complete();
}

void TimerCore::set(const AlarmPtr& alarm, std::chrono::nanoseconds time, std::chrono::nanoseconds period) {
  const std::lock_guard lock(mutex_);
  if (ending_) std::rethrow_exception(dropped_with_the_timer());
  alarm->at = from_now(alarm->hurried ? std::chrono::nanoseconds{0} : time);
  alarm->period = period;
  alarm->number = ++numbers_;
  waiting_.emplace(std::pair{alarm->at, alarm->number}, alarm);
  alarm->phase = AlarmState::Phase::waiting;
  ++counts_.set;
  arm();
}

bool TimerCore::cancel(const AlarmPtr& alarm) noexcept {
  using Phase = AlarmState::Phase;
  TimedWork* work = nullptr;
  bool was_set = false;
  {
    std::unique_lock lock(mutex_);
    switch (alarm->phase) {
      case Phase::unset:
      case Phase::over:
        return false;
      case Phase::waiting:
        take(alarm, waiting_);
        break;
      case Phase::due:
        take(alarm, due_);  // the pool will find that it is over
        break;
      case Phase::running: {
        const bool again = alarm->period.count() != 0 && !alarm->cancelled && !ending_;
        alarm->cancelled = true;
        if (alarm->runs_in != std::this_thread::get_id()) {
          changed_.wait(lock, [&] { return alarm->phase == Phase::over && alarm->work == nullptr; });
        }
        return again;
      }
    }
    alarm->phase = Phase::over;
    --counts_.set;
    was_set = !ending_;
    work = std::exchange(alarm->work, nullptr);
  }
  destroy_as(alarm->who, destroy_work, work);
  return was_set;
}

void TimerCore::hurry(const AlarmPtr& alarm) noexcept {
  const std::lock_guard lock(mutex_);
  alarm->hurried = true;
  if (alarm->phase != AlarmState::Phase::waiting) return;
  take(alarm, waiting_);
  alarm->at = std::chrono::steady_clock::now();
  put_back(alarm);
}

bool TimerCore::is_set(const AlarmPtr& alarm) const noexcept {
  using Phase = AlarmState::Phase;
  const std::lock_guard lock(mutex_);
  return !ending_ && (alarm->phase == Phase::waiting || alarm->phase == Phase::due ||
                      (alarm->phase == Phase::running && alarm->period.count() != 0 && !alarm->cancelled));
}

TimerCounts TimerCore::counts() const noexcept {
  const std::lock_guard lock(mutex_);
  return counts_;
}

TimerCore::Turn TimerCore::begin(const AlarmPtr& alarm) noexcept {
  const std::lock_guard lock(mutex_);
  if (alarm->phase != AlarmState::Phase::due) return Turn::nothing;
  take(alarm, due_);
  ++running_;
  alarm->phase = AlarmState::Phase::running;
  alarm->runs_in = std::this_thread::get_id();
  return ending_ ? Turn::drop : Turn::run;
}

void TimerCore::done(const AlarmPtr& alarm, Outcome outcome) noexcept {
  using Phase = AlarmState::Phase;
  TimedWork* work = nullptr;
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    if (outcome == Outcome::ran) ++counts_.gone_off;
    if (outcome == Outcome::not_worn) ++counts_.not_worn;
    again = alarm->phase == Phase::running && alarm->period.count() != 0 && !alarm->cancelled && !ending_;
    if (again) {
      alarm->at += alarm->period;
      put_back(alarm);
    } else {
      if (alarm->phase == Phase::running) --counts_.set;
      work = std::exchange(alarm->work, nullptr);
    }
  }
  if (work != nullptr) destroy_as(alarm->who, destroy_work, work);
  // After this, who waits may take the Timer away.
  const std::lock_guard lock(mutex_);
  if (!again) alarm->phase = Phase::over;
  --running_;
  changed_.notify_all();
}

void TimerCore::put(const AlarmPtr& alarm, Waiting& among) noexcept {
  Waiting::node_type place = std::move(alarm->place);
  place.key().first = alarm->at;
  place.mapped() = alarm;
  among.insert(std::move(place));
}

void TimerCore::take(const AlarmPtr& alarm, Waiting& from) noexcept {
  alarm->place = from.extract({alarm->at, alarm->number});
  alarm->place.mapped() = nullptr;
}

void TimerCore::put_back(const AlarmPtr& alarm) noexcept {
  put(alarm, waiting_);
  alarm->phase = AlarmState::Phase::waiting;
  arm();
}

void TimerCore::arm() noexcept {
  Moment next = Moment::max();
  if (ending_) {
    next = Moment{};
  } else if (!waiting_.empty()) {
    next = waiting_.begin()->first.first;
  }
  if (next >= armed_for_) return;
  armed_for_ = next;
  // A time of 0 would disarm it.
  const std::int64_t nanoseconds = std::max<std::int64_t>(1, next.time_since_epoch() / std::chrono::nanoseconds{1});
  itimerspec at{};
  at.it_value.tv_sec = nanoseconds / 1'000'000'000;
  at.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  ::timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

Waiting TimerCore::take_due(Moment now) {
  Waiting due;
  while (!waiting_.empty() && waiting_.begin()->first.first <= now) due.insert(waiting_.extract(waiting_.begin()));
  return due;
}

void TimerCore::keep_time() noexcept {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    std::uint64_t times = 0;
    (void)!::read(clock_.get(), &times, sizeof times);
    lock.lock();
    if (ending_) return;
    const Moment now = std::chrono::steady_clock::now();
    Waiting due = take_due(now);
    std::vector<PoolTask*> tasks;
    while (!due.empty()) {
      AlarmPtr alarm = due.begin()->second;
      alarm->place = due.extract(due.begin());
      alarm->place.mapped() = nullptr;
      try {
        auto task = std::make_unique<Due>(shared_from_this(), alarm);
        tasks.push_back(task.get());
        (void)task.release();
      } catch (const std::bad_alloc&) {
        alarm->at = now + until_there_is_memory;
        put_back(alarm);
        continue;
      }
      if (alarm->period.count() != 0) {
        const auto missed = (now - alarm->at) / alarm->period;
        alarm->at += missed * alarm->period;
        alarm->periods = static_cast<std::uint64_t>(missed) + 1;
        counts_.late += static_cast<std::uint64_t>(missed);
      }
      put(alarm, due_);
      alarm->phase = AlarmState::Phase::due;
    }
    armed_for_ = Moment::max();
    arm();
    lock.unlock();
    for (PoolTask* task : tasks) pool_.take_over(task);
    lock.lock();
  }
}

}  // namespace behalf::detail
