#include "behalf/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/give_back_failure.h"
#include "identity/service.h"
#include "identity/worker_signals.h"
#include "transfer/later.h"
#include "transfer/pool_queues.h"
#include "transfer/wearer.h"

namespace behalf {

namespace {

std::exception_ptr cancelled_before_it_ran() {
  return std::make_exception_ptr(
      Error(Error::Reason::cancelled, "behalf: ThreadPool: the task was cancelled before it ran"));
}

void destroy_task(void* task) noexcept {
  delete static_cast<detail::PoolTask*>(task);
}

// A task that nobody runs is destroyed as its user, from wherever.
void discard(detail::PoolTask* task) noexcept {
  if (!task->has_callable()) return destroy_task(task);
  const Carried who = task->who;
  detail::destroy_as(who, destroy_task, task);
}

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The pool's lock. Whoever has it has it for less time than it takes to sleep and to be woken, so that it is asked for
// a few times before that: with workers that have little to do this is half of what a task costs.
void take(std::unique_lock<std::mutex>& lock) {
  for (int tries = 0; tries < 100; ++tries) {
    if (lock.try_lock()) return;
    relax();
  }
  lock.lock();
}
std::unique_lock<std::mutex> taken(std::mutex& mutex) {
  std::unique_lock lock(mutex, std::defer_lock);
  take(lock);
  return lock;
}

detail::Look look_of(ThreadPoolOptions::Check check) noexcept {
  switch (check) {
    case ThreadPoolOptions::Check::memo:
      return detail::Look::memo;
    case ThreadPoolOptions::Check::wire:
      return detail::Look::wire;
    case ThreadPoolOptions::Check::kernel:
      break;
  }
  return detail::Look::all;
}

bool is_service(const Carried& who) noexcept {
  const detail::Service* const there = detail::service();
  return there != nullptr && detail::same(who.data(), there->token);
}

bool ends_process(ThreadPoolOptions::WhenStrayed when) {
  if (when != ThreadPoolOptions::WhenStrayed::by_build) return when == ThreadPoolOptions::WhenStrayed::end_process;
#ifdef NDEBUG
  return false;
#else
  return true;
#endif
}

}  // namespace

class ThreadPool::Core {
 public:
  explicit Core(const ThreadPoolOptions& options)
      : options_(options),
        queues_(options.overtaken_at_most, detail::later({}, options.overtaken_for).time_since_epoch()) {
    const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
    workers_ = std::vector<Worker>(options.threads != 0 ? options.threads : processors);
    idle_.reserve(workers_.size());
    try {
      const detail::AsServiceIfAny self;  // clone(2) copies the credentials of the thread that calls it
      const detail::SignalsBlocked meanwhile;
      for (Worker& worker : workers_) worker.thread = std::thread([this, &worker] { serve(worker); });
    } catch (const std::system_error& error) {
      end();
      throw Error(Error::Reason::out_of_resources, std::string{"behalf: ThreadPool: start a worker: "} + error.what(),
                  error.code().value());
    } catch (...) {
      end();
      throw;
    }
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  ~Core() { end(); }

  bool enqueue(detail::PoolTask* task, bool only_if_room) {
    try {
      std::unique_lock lock = taken(mutex_);
      if (!make_room(lock, only_if_room)) {
        lock.unlock();
        discard(task);
        return false;
      }
      queues_.push(*task);
      wake_one_for(task->who.data());
      return true;
    } catch (...) {
      discard(task);
      throw;
    }
  }

  void take_over(detail::PoolTask* task) noexcept {
    try {
      const std::unique_lock lock = taken(mutex_);
      refuse_at_the_end();
      queues_.push(*task);
      wake_one_for(task->who.data());
    } catch (...) {
      task->fail(std::current_exception());
      task->complete();
      discard(task);
    }
  }

  void cancel() {
    std::stop_source stopped(std::nostopstate);
    std::stop_source next;  // before anything is cancelled: it may throw
    {
      const std::lock_guard lock(mutex_);
      cancelled_below_ = queues_.pushed();
      stopped = stop_;
      if (!ending_) stop_ = std::move(next);
    }
    stopped.request_stop();  // callbacks of others run in here
  }

  void wait_until_idle() {
    std::unique_lock lock(mutex_);
    all_idle_.wait(lock, [this] { return queues_.size() == 0 && sleeping_ == workers_.size(); });
  }

  ThreadPoolCounts counts() const {
    const std::lock_guard lock(mutex_);
    ThreadPoolCounts counts = counts_;
    counts.submitted = queues_.pushed();
    counts.started = queues_.taken();
    counts.most_overtaken = queues_.most_overtaken();
    counts.queued = queues_.size();
    counts.identities = queues_.identities();
    counts.strayed = strayed_;
    for (const Worker& worker : workers_) counts.switches += worker.switches.load(std::memory_order_relaxed);
    return counts;
  }

  unsigned threads() const noexcept { return static_cast<unsigned>(workers_.size()); }

 private:
  struct Worker {
    Worker() = default;
    Worker(Worker&&) noexcept {}  // for the vector, before there is a thread
    std::thread thread;
    std::condition_variable wake;
    bool called = false;
    detail::Turn turn;
    Place last{};  // where the last task that ran was submitted
    detail::TokenPtr wears;
    std::atomic<std::uint64_t> switches{0};
  };

  // Under the lock. Whether a task may be queued now.
  bool make_room(std::unique_lock<std::mutex>& lock, bool only_if_room) {
    const auto has_room = [this] { return queues_.size() < options_.capacity; };
    if (!has_room() && !only_if_room && !ending_) {
      if (options_.when_full == ThreadPoolOptions::WhenFull::refuse || serves_ == this) {
        throw Error(Error::Reason::queue_full,
                    "behalf: ThreadPool: submit: " + std::to_string(options_.capacity) + " tasks are queued already" +
                        (serves_ == this ? ", and a worker of the pool does not wait for the pool" : "") +
                        ". Submit later, or give the pool a greater capacity");
      }
      ++submitters_that_wait_;
      room_.wait(lock, [&] { return has_room() || ending_; });
      if (--submitters_that_wait_ == 0) nobody_waits_.notify_all();
    }
    refuse_at_the_end();
    return has_room() || ending_;
  }

  // Under the lock. A pool that is being destroyed takes work of its own workers alone.
  void refuse_at_the_end() const {
    if (!ending_ || serves_ == this) return;
    throw Error(Error::Reason::cancelled, "behalf: ThreadPool: submit: the pool is being destroyed");
  }

  void wake_one_for(const detail::TokenPtr& token) {
    if (idle_.empty()) return;
    auto best = idle_.end() - 1;
    if (options_.keeps.count() > 0) {
      const auto wears_it = [&](const Worker* worker) { return detail::same(worker->wears, token); };
      const auto found = std::find_if(idle_.begin(), idle_.end(), wears_it);
      if (found != idle_.end()) best = found;
    }
    Worker& worker = **best;
    idle_.erase(best);
    worker.called = true;
    worker.wake.notify_one();
  }

  void serve(Worker& me) {
    serves_ = this;
    detail::Wearer wearer(look_of(options_.check));
    std::unique_lock lock(mutex_);
    for (;;) {
      if (detail::PoolTask* task = queues_.take(me.turn)) {
        const bool cancelled = task->number < cancelled_below_;
        const std::stop_token stop = task->takes_stop() ? stop_.get_token() : std::stop_token();
        if (options_.capacity != SIZE_MAX) room_.notify_one();
        lock.unlock();
        perform(me, wearer, task, cancelled, stop);
        take(lock);
        continue;
      }
      if (wearer.unseen() != 0) {
        lock.unlock();
        look_back(me, wearer);
        lock.lock();
        continue;  // there may be work by now
      }
      me.turn = {};
      if (wearer.wears_user() && (ending_ || !sleep_for_a_while(me, lock))) {
        lock.unlock();
        wearer.give_back();
        me.wears.reset();
        lock.lock();
        continue;
      }
      if (queues_.size() != 0) continue;
      if (ending_) break;
      if (!wearer.wears_user()) sleep(me, lock);
    }
    serves_ = nullptr;  // for the thread-local objects, which would submit what nobody is left to run
  }

  // With the identity on, as long as the options allow. Whether there is something to do.
  bool sleep_for_a_while(Worker& me, std::unique_lock<std::mutex>& lock) {
    if (options_.keeps.count() == 0) return false;
    idle_.push_back(&me);
    if (me.wake.wait_until(lock, detail::from_now(options_.keeps), [&] { return me.called || ending_; })) {
      if (!me.called) std::erase(idle_, &me);
      me.called = false;
      return !ending_;
    }
    std::erase(idle_, &me);
    return false;
  }

  void sleep(Worker& me, std::unique_lock<std::mutex>& lock) {
    idle_.push_back(&me);
    if (++sleeping_ == workers_.size()) all_idle_.notify_all();
    me.wake.wait(lock, [&] { return me.called || ending_; });
    --sleeping_;
    if (!me.called) std::erase(idle_, &me);
    me.called = false;
  }

  void perform(Worker& me, detail::Wearer& wearer, detail::PoolTask* task, bool cancelled,
               const std::stop_token& stop) noexcept {
    if (!wearer.wears(task->who)) look_back(me, wearer);
    if (std::exception_ptr why = cannot_wear(me, wearer, task->who)) {
      count(&ThreadPoolCounts::not_worn);
      task->fail(std::move(why));
      task->complete();
      return discard(task);
    }
    if (cancelled || task->stop.stop_requested()) {
      count(&ThreadPoolCounts::cancelled);
      task->drop(cancelled_before_it_ran());
    } else {
      task->run(stop);
    }
    me.last = task->where;
    std::string amiss = wearer.amiss();
    if (!amiss.empty()) {
      put_right(me, wearer, std::move(amiss));
      if (std::exception_ptr lost = cannot_wear(me, wearer, task->who)) return lose(task, std::move(lost));
    }
    task->complete();
    delete task;
    // What the end of an unclaimed result left behind is found at the next task.
  }

  // Puts the identity on; where that cannot be, why.
  std::exception_ptr cannot_wear(Worker& me, detail::Wearer& wearer, const Carried& who) const noexcept {
    std::exception_ptr why;
    // A task may have unblocked them, and a handler would run as the next user.
    if (!wearer.wears(who) && !is_service(who)) detail::block_asynchronous_signals();
    try {
      wearer.wear(who);
    } catch (...) {
      why = std::current_exception();
    }
    if (options_.keeps.count() > 0) me.wears = wearer.wears_user() ? who.data() : nullptr;
    me.switches.store(wearer.switches(), std::memory_order_relaxed);
    return why;
  }

  // The task has run, and what it resulted in cannot be handed over or destroyed as its user.
  void lose(detail::PoolTask* task, std::exception_ptr why) noexcept {
    const Carried who = task->who;
    task->lose(std::move(why));
    task->complete();
    detail::destroy_as(who, destroy_task, task);
  }

  // At the end of a run of one identity's tasks: what is not seen after each.
  void look_back(const Worker& me, detail::Wearer& wearer) noexcept {
    if (wearer.unseen() == 0) return;
    std::string amiss = wearer.amiss(detail::Look::all);
    if (!amiss.empty()) put_right(me, wearer, std::move(amiss));
  }

  void put_right(const Worker& me, detail::Wearer& wearer, std::string amiss) noexcept {
    const Strayed strayed{me.last, std::move(amiss), std::max(1U, wearer.unseen())};
    ++strayed_;
    if (options_.on_strayed != nullptr) options_.on_strayed(strayed);
    if (ends_process(options_.when_strayed)) {
      const std::string line =
          "behalf: the task submitted at " + std::string{strayed.task.file} + ":" + std::to_string(strayed.task.line) +
          (strayed.among > 1
               ? ", or one of the " + std::to_string(strayed.among - 1) + " of its user before it on that worker,"
               : "") +
          " did not give its worker back: " + strayed.what +
          ". The process ends, before other work runs as somebody else\n";
      detail::end_process(line.c_str());
    }
    wearer.repair();
  }

  void count(std::uint64_t ThreadPoolCounts::*which) noexcept {
    const std::lock_guard lock(mutex_);
    ++(counts_.*which);
  }

  void end() noexcept {
    std::stop_source stopped(std::nostopstate);
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      stopped = stop_;
      if (options_.at_end == ThreadPoolOptions::AtEnd::cancel) cancelled_below_ = queues_.pushed();
      for (Worker& worker : workers_) worker.wake.notify_one();
      room_.notify_all();
    }
    stopped.request_stop();  // callbacks of others run in here
    for (Worker& worker : workers_) {
      if (worker.thread.joinable()) worker.thread.join();
    }
    std::unique_lock lock(mutex_);
    nobody_waits_.wait(lock, [this] { return submitters_that_wait_ == 0; });
  }

  static thread_local const Core* serves_;

  const ThreadPoolOptions options_;
  mutable std::mutex mutex_;
  detail::PoolQueues queues_;
  std::vector<Worker*> idle_;
  std::size_t sleeping_ = 0;  // of the idle ones, that wear nothing
  std::condition_variable room_;
  std::size_t submitters_that_wait_ = 0;  // for room
  std::condition_variable nobody_waits_;
  std::condition_variable all_idle_;
  bool ending_ = false;
  std::uint64_t cancelled_below_ = 0;
  std::stop_source stop_;
  ThreadPoolCounts counts_;
  std::atomic<std::uint64_t> strayed_{0};
  std::vector<Worker> workers_;
};

thread_local const ThreadPool::Core* ThreadPool::Core::serves_ = nullptr;

ThreadPool::ThreadPool(const ThreadPoolOptions& options) : core_(std::make_unique<Core>(options)) {}
ThreadPool::~ThreadPool() = default;

bool ThreadPool::enqueue(detail::PoolTask* task, bool only_if_room) {
  return core_->enqueue(task, only_if_room);
}
void ThreadPool::take_over(detail::PoolTask* task) noexcept {
  core_->take_over(task);
}
void ThreadPool::cancel() {
  core_->cancel();
}
void ThreadPool::wait_until_idle() {
  core_->wait_until_idle();
}
ThreadPoolCounts ThreadPool::counts() const {
  return core_->counts();
}
unsigned ThreadPool::threads() const noexcept {
  return core_->threads();
}

}  // namespace behalf
