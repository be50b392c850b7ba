// The alarms of a Timer, and the thread that keeps their time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "behalf/descriptor.h"
#include "behalf/timer.h"

namespace behalf::detail {

using Moment = std::chrono::steady_clock::time_point;

struct AlarmState;
using AlarmPtr = std::shared_ptr<AlarmState>;
// By the moment, and those of one moment by the order in which they were set.
using Waiting = std::map<std::pair<Moment, std::uint64_t>, AlarmPtr>;

// An alarm. All but `who` and `where` is under the core's lock.
struct AlarmState {
  AlarmState(Carried carried, std::unique_ptr<TimedWork> timed, Place set_at)
      : who(std::move(carried)), where(set_at), work(timed.release()) {}
  AlarmState(const AlarmState&) = delete;
  AlarmState& operator=(const AlarmState&) = delete;
  ~AlarmState();

  const Carried who;
  const Place where;
  TimedWork* work;  // null once it has been destroyed

  enum class Phase { unset, waiting, due, running, over } phase = Phase::unset;
  Moment at{};
  std::uint64_t number = 0;
  std::chrono::nanoseconds period{0};  // 0: once
  Waiting::node_type place;            // while it is not among others: to go there needs no memory
  std::uint64_t periods = 1;           // that have passed when it goes off
  bool hurried = false;                // before it was set: it goes off at once
  bool cancelled = false;              // while it ran
  std::thread::id runs_in;
};

class TimerCore : public std::enable_shared_from_this<TimerCore> {
 public:
  // The pool is used until end(). start() is apart, since the thread needs the core whole.
  explicit TimerCore(ThreadPool& pool);
  void start();
  // No alarm goes off after it, none runs, and all that were set have been dropped.
  void end() noexcept;
  TimerCore(const TimerCore&) = delete;
  TimerCore& operator=(const TimerCore&) = delete;
  ~TimerCore();

  // Throws, and leaves the alarm unset, where the Timer is being destroyed.
  void set(const AlarmPtr& alarm, std::chrono::nanoseconds time, std::chrono::nanoseconds period);
  bool cancel(const AlarmPtr& alarm) noexcept;
  // It goes off now, also where it has not been set yet.
  void hurry(const AlarmPtr& alarm) noexcept;
  bool is_set(const AlarmPtr& alarm) const noexcept;
  TimerCounts counts() const noexcept;

  // Of an alarm that the pool has come to: what is to be done with it, and, in the end, what has been.
  enum class Turn { run, drop, nothing };
  Turn begin(const AlarmPtr& alarm) noexcept;
  enum class Outcome { ran, not_worn, skipped };
  void done(const AlarmPtr& alarm, Outcome outcome) noexcept;

 private:
  void keep_time() noexcept;
  // Under the lock: the alarms whose moment has come, no longer among those that wait.
  Waiting take_due(Moment now);
  void put_back(const AlarmPtr& alarm) noexcept;
  static void put(const AlarmPtr& alarm, Waiting& among) noexcept;
  static void take(const AlarmPtr& alarm, Waiting& from) noexcept;
  // Of an alarm that is due and will not go off: it is told, and destroyed.
  void drop(const AlarmPtr& alarm) noexcept;
  void arm() noexcept;

  ThreadPool& pool_;
  const Descriptor clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Waiting waiting_;
  Waiting due_;  // in the queue of the pool, which has not come to them
  Moment armed_for_ = Moment::max();
  std::uint64_t numbers_ = 0;
  std::size_t running_ = 0;
  bool ending_ = false;
  TimerCounts counts_;
  std::thread keeper_;
};

}  // namespace behalf::detail
