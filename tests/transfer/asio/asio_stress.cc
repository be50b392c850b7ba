// as() under stress, on every kind of executor: exceptions, cancellation, and the end of the context with work in
// flight; as whom work is destroyed, too.
#include <boost/asio.hpp>
#include <exception>

#include "asio/loop.h"
#include "behalf/asio.h"
#include "stress.h"

namespace behalf::testing {
namespace {

namespace ba = boost::asio;
using asio::as;
using Identities = std::vector<Token>;

// Part of a task: is destroyed as the task's user, whether it has run or not.
class Part {
 public:
  Part(Tally& tally, const Token& who) : tally_(&tally), who_(&who) {}
  Part(Part&& other) noexcept : tally_(std::exchange(other.tally_, nullptr)), who_(other.who_), ran_(other.ran_) {}
  Part& operator=(Part&&) = delete;
  ~Part() {
    if (tally_ == nullptr) return;
    if (uid_now() != who_->uid()) tally_->check(*who_);  // counts it as wrong
    if (!ran_) tally_->not_run();
  }

  void run() {
    ran_ = true;
    tally_->check(*who_);
  }

 private:
  Tally* tally_;
  const Token* who_;
  bool ran_ = false;
};

// Each task dispatches another user's inside of its own, and some throw.
template <class Ex>
void submit(const Ex& executor, Turns& turns, const Identities& identities, Tally& tally, bool may_throw) {
  const Token& who = identities[turns.next(identities.size())];
  const Token& other = identities[turns.next(identities.size())];
  const bool throws = may_throw && turns.next(100) == 0;
  ba::post(as(who, executor), [executor, &other, &tally, throws, part = Part(tally, who)]() mutable {
    ba::dispatch(as(other, executor), [part = Part(tally, other)]() mutable { part.run(); });
    part.run();
    if (throws) throw std::runtime_error("on purpose");
  });
}

void through_an_io_context(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  ba::io_context io;
  Turns turns(1);
  for (std::uint64_t done = 0; done < tasks; done += 2) submit(io.get_executor(), turns, identities, tally, true);
  for (const std::string& thrown : run_all(io, stress_threads).thrown) {
    must(thrown == "on purpose", thrown);
    tally.threw();
  }
}

void through_a_thread_pool(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  ba::thread_pool pool(stress_threads);
  Turns turns(2);
  for (std::uint64_t done = 0; done < tasks; done += 2) submit(pool.get_executor(), turns, identities, tally, false);
  pool.wait();
}

// Strands that users share, of known and of erased types.
void through_strands(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  ba::thread_pool pool(stress_threads);
  Turns turns(3);
  std::vector<ba::strand<ba::thread_pool::executor_type>> strands;
  std::vector<ba::any_io_executor> erased;
  for (int i = 0; i < 8; ++i) {
    strands.push_back(ba::make_strand(pool));
    erased.emplace_back(ba::make_strand(as(identities[turns.next(identities.size())], pool)));
  }
  for (std::uint64_t done = 0; done < tasks; done += 4) {
    submit(strands[turns.next(strands.size())], turns, identities, tally, false);
    submit(erased[turns.next(erased.size())], turns, identities, tally, false);
  }
  pool.wait();
}

ba::awaitable<void> travels(Part part, std::uint64_t times) {
  ba::steady_timer timer(co_await ba::this_coro::executor);
  for (part.run(); times > 1; times -= 2) {
    co_await ba::post(ba::use_awaitable);
    part.run();
    timer.expires_after(std::chrono::microseconds(10));
    co_await timer.async_wait(ba::use_awaitable);
    part.run();
  }
}

// Each resumption is a task.
void through_coroutines(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  constexpr std::uint64_t in_each = 20;
  ba::thread_pool pool(stress_threads);
  Turns turns(4);
  for (std::uint64_t done = 0; done < tasks; done += in_each) {
    const Token& who = identities[turns.next(identities.size())];
    const ba::any_io_executor executor =
        turns.next(2) == 0 ? ba::any_io_executor(as(who, pool)) : as(who, ba::make_strand(pool));
    ba::co_spawn(executor, travels(Part(tally, who), in_each + 1), ba::detached);
  }
  pool.wait();
}

// The context ends with tasks and coroutines in flight, again and again; some coroutines have been cancelled.
void through_ending_contexts(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  constexpr std::uint64_t in_each = 500;
  Turns turns(5);
  for (std::uint64_t done = 0; done < tasks; done += in_each) {
    ba::cancellation_signal cancel;
    ba::thread_pool pool(stress_threads);
    std::atomic<std::uint64_t> ran = 0;
    for (std::uint64_t i = 0; i < in_each; ++i) {
      const Token& who = identities[turns.next(identities.size())];
      if (i % 10 == 0) {
        const auto slot = i == 0 ? cancel.slot() : ba::cancellation_slot();
        ba::co_spawn(as(who, pool), travels(Part(tally, who), UINT64_MAX),
                     ba::bind_cancellation_slot(slot, ba::detached));
      } else {
        ba::post(as(who, pool), [&, part = Part(tally, who)]() mutable {
          part.run();
          if (++ran == in_each * 3 / 4) pool.stop();
        });
      }
    }
    cancel.emit(ba::cancellation_type::terminal);
    while (ran < in_each * 3 / 4) std::this_thread::yield();
  }
}

}  // namespace
}  // namespace behalf::testing

int main(int argc, char** argv) {
  using namespace behalf::testing;
  return stress(argc, argv,
                {{"io_context", through_an_io_context},
                 {"asio_pool", through_a_thread_pool},
                 {"strand", through_strands},
                 {"awaitable", through_coroutines},
                 {"asio_ends", through_ending_contexts}});
}
