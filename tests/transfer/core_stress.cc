// The executors of the core under stress: exceptions, cancellation, overload and the end of the executor with work in
// flight.
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "behalf/bind.h"
#include "behalf/mailbox.h"
#include "behalf/sleep.h"
#include "behalf/task.h"
#include "behalf/thread.h"
#include "behalf/thread_pool.h"
#include "behalf/timer.h"
#include "stress.h"
#include "witness.h"

namespace behalf::testing {
namespace {

struct OnPurpose {};

template <class Future>
void account(Future& future, Tally& tally) {
  try {
    future.get();
  } catch (const OnPurpose&) {
    tally.threw();
  } catch (const Error&) {
    tally.not_run();
  }
}

// So many submitters share the tasks, each with turns of its own. What `submit` returns a future of is waited for
// later.
template <class Submit>
void from_submitters(unsigned submitters, std::uint64_t tasks, Tally& tally, const Submit& submit) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < submitters; ++i) {
    threads.emplace_back([&, i] {
      Turns turns(i + 1);
      const std::uint64_t share = tasks / submitters + (i < tasks % submitters ? 1 : 0);
      std::vector<std::future<void>> open;
      for (std::uint64_t n = 0; n < share; ++n) {
        std::future<void> future = submit(turns);
        if (future.valid()) open.push_back(std::move(future));
        if (open.size() < 64 && n + 1 < share) continue;
        for (std::future<void>& each : open) account(each, tally);
        open.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// A queue that makes submitters wait; tasks that throw, that are asked to stop before they run, and a pool that is
// cancelled now and then.
void through_the_pool(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  ThreadPool pool({.threads = stress_threads, .capacity = 256});
  from_submitters(4, tasks, tally, [&](Turns& turns) {
    const Token& who = identities[turns.next(identities.size())];
    const std::uint64_t kind = turns.next(100);
    std::stop_source stop;
    if (kind == 0) stop.request_stop();
    if (turns.next(5000) == 0) pool.cancel();
    return pool.submit(
        who,
        [&tally, who, kind] {
          tally.check(who);
          if (kind == 1) throw OnPurpose{};
        },
        stop.get_token());
  });
}

// The pool ends with work in flight, again and again.
void through_ending_pools(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  constexpr std::uint64_t in_each = 500;
  Turns turns(7);
  for (std::uint64_t done = 0; done < tasks; done += in_each) {
    std::vector<std::future<void>> futures;
    {
      const bool drains = turns.next(2) == 0;
      ThreadPool pool({.threads = stress_threads,
                       .at_end = drains ? ThreadPoolOptions::AtEnd::drain : ThreadPoolOptions::AtEnd::cancel});
      for (std::uint64_t i = 0; i < in_each; ++i) {
        const Token& who = identities[turns.next(identities.size())];
        futures.push_back(pool.submit(who, [&tally, who] { tally.check(who); }));
      }
      if (!drains) futures[in_each * 3 / 4].wait();
    }
    for (std::future<void>& each : futures) account(each, tally);
  }
}

// Threads of somebody else's that take callables from a queue.
class PlainPool {
 public:
  PlainPool() {
    for (unsigned i = 0; i < stress_threads; ++i) threads_.emplace_back([this] { serve(); });
  }
  ~PlainPool() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  PlainPool(const PlainPool&) = delete;
  PlainPool& operator=(const PlainPool&) = delete;

  template <class F>
  void post(F f) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return queue_.size() < 256; });
    queue_.push_back(std::make_unique<Of<F>>(std::move(f)));
    changed_.notify_one();
  }

 private:
  struct Work {
    Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    virtual ~Work() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct Of final : Work {
    explicit Of(F&& work) : f(std::move(work)) {}
    void run() override { std::move(f)(); }
    F f;
  };

  void serve() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ends_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const std::unique_ptr<Work> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      room_.notify_one();
      try {
        work->run();
      } catch (const OnPurpose&) {
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable room_;
  std::deque<std::unique_ptr<Work>> queue_;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

void through_bind(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  PlainPool pool;
  from_submitters(4, tasks, tally, [&](Turns& turns) {
    const Token& who = identities[turns.next(identities.size())];
    const bool throws = turns.next(100) == 0;
    pool.post(bind(who, [&tally, who, throws] {
      tally.check(who);
      if (!throws) return;
      tally.threw();
      throw OnPurpose{};
    }));
    return std::future<void>();
  });
}

// Coroutines that go back and forth between two pools, with scopes of their own across the suspensions.
task<void> wander(ThreadPool& here, ThreadPool& there, Token who, Token other, std::uint64_t kind, Tally& tally) {
  co_await schedule(here);
  tally.check(who);
  if (kind == 0) throw OnPurpose{};
  const Impersonation as{other};
  co_await schedule(there);
  tally.check(other);
  {
    const AsService self;
    co_await schedule(here);
    tally.check(Token::of_process());
  }
  tally.check(other);
}

void through_tasks(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  ThreadPool here({.threads = stress_threads / 2});
  ThreadPool there({.threads = stress_threads / 2});
  from_submitters(2, tasks / 4 + 1, tally, [&](Turns& turns) {
    const std::uint64_t kind = turns.next(50);
    const Token& who = identities[turns.next(identities.size())];
    const Token& other = identities[turns.next(identities.size())];
    std::stop_source stop;
    auto future = start(here, wander(here, there, who, other, kind, tally).as(who), stop.get_token());
    if (kind == 1) stop.request_stop();
    return future;
  });
  // Those that threw, or were stopped, have run a part: the rest is accounted for as not run.
  for (std::uint64_t i = tally.ran() + tally.dropped(); i < tasks; ++i) tally.not_run();
}

task<void> sleeps(Timer& timer, std::chrono::microseconds time, Token who, Tally& tally) {
  co_await sleep_for(timer, time);
  tally.check(who);
}

void through_a_mailbox(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  struct Letter {
    const Token* who;
    bool throws;
  };
  const Token receiver = identities.front();
  Mailbox<Letter> box(receiver, {.capacity = 64});
  std::vector<thread> receivers;
  for (unsigned i = 0; i < stress_threads / 2; ++i) {
    receivers.emplace_back(as_service, [&](const std::stop_token& stop) {
      box.handle_until(stop, [&](Message<Letter>& message) {
        if (!difference(receiver).empty()) tally.check(receiver);  // counts it as wrong
        const Impersonation as = message.impersonate_sender();
        tally.check(*message->who);
        if (message->throws) throw OnPurpose{};
      });
    });
  }
  from_submitters(stress_threads / 2, tasks, tally, [&](Turns& turns) {
    const Token& who = identities[turns.next(identities.size())];
    const bool throws = turns.next(100) == 0;
    const Impersonation as{who};
    if (throws || turns.next(2) == 0) return box.ask({&who, throws}, Level::impersonation);
    box.post({&who, false}, Level::impersonation);
    return std::future<void>();
  });
  while (tally.ran() < tasks) std::this_thread::yield();
}

// Alarms that are cancelled before, while and after they go off; tasks that sleep and are asked to stop.
void through_a_timer(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  ThreadPool pool({.threads = stress_threads});
  Timer timer(pool);
  from_submitters(4, tasks, tally, [&](Turns& turns) {
    const Token& who = identities[turns.next(identities.size())];
    const std::chrono::microseconds time{turns.next(300)};
    const std::uint64_t kind = turns.next(20);
    if (kind == 0) {
      std::stop_source stop;
      auto future = start(pool, sleeps(timer, time, who, tally).as(who), stop.get_token());
      if (turns.next(2) == 0) stop.request_stop();
      return future;
    }
    if (kind == 3) {  // one that goes off again and again until it is cancelled, which may be while it runs
      Tally each;
      Alarm alarm = timer.every(who, std::chrono::microseconds{1}, [&each, who] { each.check(who); });
      while (each.ran() < 5) std::this_thread::yield();
      alarm.cancel();
      tally.count(each.wrong() == 0);
      return std::future<void>();
    }
    Alarm alarm = timer.after(who, time, [&tally, who] { tally.check(who); });
    if (kind > 2) {
      alarm.detach();
    } else {
      if (kind == 1) std::this_thread::sleep_for(time);
      if (alarm.cancel()) tally.not_run();
    }
    return std::future<void>();
  });
  while (timer.counts().set != 0) std::this_thread::yield();
}

void through_threads(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  from_submitters(stress_threads, tasks, tally, [&](Turns& turns) {
    const Token& who = identities[turns.next(identities.size())];
    const Impersonation as{identities[turns.next(identities.size())]};
    thread(who, [&] { tally.check(who); }).join();
    return std::future<void>();
  });
}

}  // namespace
}  // namespace behalf::testing

int main(int argc, char** argv) {
  using namespace behalf::testing;
  return stress(argc, argv,
                {{"pool", through_the_pool},
                 {"ending", through_ending_pools},
                 {"bind", through_bind},
                 {"task", through_tasks},
                 {"mailbox", through_a_mailbox},
                 {"timer", through_a_timer},
                 {"thread", through_threads}});
}
