// In what order a pool runs work of several identities, and what that costs.
#include <gtest/gtest.h>

#include <deque>
#include <list>
#include <memory>
#include <random>
#include <vector>

#include "behalf/thread_pool.h"
#include "gate.h"
#include "stand_in_service.h"
#include "transfer/pool_queues.h"
#include "witness.h"

namespace behalf::testing {
namespace {

Token user(unsigned n) {
  return Token::from_ids(4000 + n, 4000 + n, {4000 + n});
}

TEST(A_waiting_task, is_overtaken_by_as_many_younger_ones_as_the_bound_says_and_not_one_more) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        for (const std::size_t bound : {std::size_t{0}, std::size_t{1}, std::size_t{5}, std::size_t{20}}) {
          ThreadPool pool({.threads = 1, .overtaken_at_most = bound, .overtaken_for = std::chrono::milliseconds(0)});
          Gate gate;
          gate.hold(pool);
          int alices = 0;
          int alices_before_bob = -1;
          for (int i = 0; i < 3; ++i) (void)pool.submit(alice(), [&] { ++alices; });
          (void)pool.submit(bob(), [&] { alices_before_bob = alices; });
          for (int i = 0; i < 50; ++i) (void)pool.submit(alice(), [&] { ++alices; });
          gate.open();
          pool.wait_until_idle();
          const ThreadPoolCounts counts = pool.counts();
          must_equal(alices, 53, "alice's");
          must(counts.most_overtaken <= bound, "overtaken " + std::to_string(counts.most_overtaken));
          must(alices_before_bob <= 3 + static_cast<int>(bound), "bob waited for too many");
          must(bound < 20 || alices_before_bob > 3, "nobody was overtaken");
        }
      }),
      "");
}

class NoTask final : public detail::PoolTask {
 public:
  explicit NoTask(Carried carried) : PoolTask(std::move(carried), {}, {}) {}
  void run(const std::stop_token&) noexcept override {}
  void drop(std::exception_ptr) noexcept override {}
  void fail(std::exception_ptr) noexcept override {}
  [[nodiscard]] bool has_callable() const noexcept override { return false; }
  void complete() noexcept override {}
  std::size_t overtaken = 0;
};

// Several workers, arrivals and takings in every order; how often each was overtaken is counted by hand.
std::size_t most_overtaken(std::size_t bound, std::size_t workers, unsigned identities, unsigned seed) {
  std::minstd_rand random(seed);
  detail::PoolQueues queues(bound);
  std::vector<detail::Turn> turns(workers);
  std::vector<Carried> who;
  for (unsigned n = 0; n < identities; ++n) who.emplace_back(user(n));
  std::deque<NoTask> tasks;
  std::list<NoTask*> waiting;
  std::size_t most = 0;
  for (int step = 0; step < 4000; ++step) {
    // Half of the work is of one identity, so that its workers are tempted.
    const unsigned chosen = random() % 2 == 0 ? 0 : static_cast<unsigned>(random() % identities);
    if (step < 3000 && random() % 5 < 3) {
      queues.push(tasks.emplace_back(who[chosen]));
      waiting.push_back(&tasks.back());
      continue;
    }
    auto* taken = static_cast<NoTask*>(queues.take(turns[random() % workers]));
    if (taken == nullptr) continue;
    for (NoTask* older : waiting) {
      if (older == taken) break;
      most = std::max(most, ++older->overtaken);
    }
    waiting.remove(taken);
  }
  must_equal(queues.most_overtaken(), static_cast<std::uint64_t>(most), "counted by the queues");
  must_equal(queues.size(), waiting.size(), "left");
  return most;
}

TEST(No_order_of_arrivals, lets_a_task_be_overtaken_more_often_than_the_bound_says) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              for (const std::size_t bound : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
                bool reached = false;
                for (const std::size_t workers : {std::size_t{1}, std::size_t{4}}) {
                  for (const unsigned identities : {2U, 9U}) {
                    const std::size_t most = most_overtaken(bound, workers, identities, 7 * identities);
                    must(most <= bound, std::to_string(most) + " where the bound is " + std::to_string(bound));
                    reached |= most == bound;
                  }
                }
                must(reached, "the bound " + std::to_string(bound) + " is never reached: nothing is tested");
              }
            }),
            "");
}

detail::PoolQueues::Time now_by_hand;

// Two users' tasks wait, the second's behind the first of the first's. How many of the first's are taken before them,
// where each takes that long.
std::size_t taken_before_the_second(detail::PoolQueues& queues, std::size_t tasks, std::chrono::nanoseconds each) {
  std::deque<NoTask> waiting;
  const Carried first(user(0));
  const Carried second(user(1));
  queues.push(waiting.emplace_back(first));
  queues.push(waiting.emplace_back(second));
  for (std::size_t i = 2; i < tasks; ++i) queues.push(waiting.emplace_back(first));
  detail::Turn turn;
  std::size_t before = 0;
  bool seen = false;
  for (std::size_t i = 0; i < tasks; ++i) {
    seen |= queues.take(turn) == &waiting[1];
    before += seen ? 0 : 1;
    now_by_hand += each;
  }
  return before;
}

TEST(A_waiting_task, is_overtaken_by_as_many_short_ones_as_fit_into_the_time_and_by_long_ones_as_the_bound_says) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              using std::chrono::microseconds;
              const auto by_hand = [] { return now_by_hand; };
              now_by_hand = {};
              detail::PoolQueues queues(256, std::chrono::milliseconds(10), by_hand);
              (void)taken_before_the_second(queues, 20'000, microseconds(2));  // it learns
              const std::size_t half = 5000 / 2;                               // a turn of each of two
              const std::size_t short_ones = taken_before_the_second(queues, 20'000, microseconds(2));
              must(short_ones >= half - 256 && short_ones <= half + 256, "short: " + std::to_string(short_ones));
              (void)taken_before_the_second(queues, 500, microseconds(1000));
              const std::size_t long_ones = taken_before_the_second(queues, 20'000, microseconds(1000));
              must_equal(long_ones, std::size_t{256 / 2 + 1}, "long");
              detail::PoolQueues in_order(0, std::chrono::milliseconds(10), by_hand);
              (void)taken_before_the_second(in_order, 20'000, microseconds(2));
              must_equal(taken_before_the_second(in_order, 100, microseconds(2)), std::size_t{1}, "in order");
            }),
            "");
}

TEST(Work_that_comes_after_a_pause, is_known_to_be_short_before_the_whole_time_has_passed) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              using std::chrono::microseconds;
              now_by_hand = {};
              detail::PoolQueues queues(256, std::chrono::milliseconds(10), [] { return now_by_hand; });
              for (int burst = 0; burst < 2; ++burst) {
                std::deque<NoTask> waiting;
                const Carried who[] = {Carried(user(0)), Carried(user(1))};
                for (std::size_t i = 0; i < 5000; ++i) queues.push(waiting.emplace_back(who[i % 2]));
                detail::Turn turn;
                detail::TokenPtr worn;
                int switches = 0;
                while (const detail::PoolTask* task = queues.take(turn)) {
                  switches += task->who.data() == worn ? 0 : 1;
                  worn = task->who.data();
                  now_by_hand += microseconds(2);
                }
                must(switches <= 6, std::to_string(switches) + " switches in burst " + std::to_string(burst));
                now_by_hand += std::chrono::seconds(1);
              }
            }),
            "");
}

TEST(Work_that_may_be_overtaken_for_ever, is_run_with_a_switch_for_each_identity) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        ThreadPool pool({.threads = 1, .overtaken_at_most = 1, .overtaken_for = std::chrono::milliseconds::max()});
        // What is known of the pace is from some work before.
        for (int i = 0; i < 2000; ++i) pool.post(as_service, [] {});
        pool.wait_until_idle();
        Gate gate;
        gate.hold(pool);
        const std::uint64_t before = pool.counts().switches;
        for (unsigned i = 0; i < 2000; ++i) pool.post(user(i % 2), [] {});
        gate.open();
        pool.wait_until_idle();
        const std::uint64_t switches = pool.counts().switches - before;
        must(switches < 200, std::to_string(switches) + " switches");
      }),
      "");
}

TEST(Work_of_one_identity, is_run_in_the_order_in_which_it_was_submitted) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              std::vector<std::vector<int>> order(3);
              for (int i = 0; i < 300; ++i) {
                auto& own = order[static_cast<std::size_t>(i % 3)];
                (void)pool.submit(user(static_cast<unsigned>(i % 3)), [&own, i] { own.push_back(i); });
              }
              pool.wait_until_idle();
              for (const auto& own : order) {
                must(own.size() == 100 && std::is_sorted(own.begin(), own.end()), "the order");
              }
            }),
            "");
}

std::uint64_t switches_for_mixed_work(std::size_t bound, unsigned threads) {
  ThreadPool pool({.threads = threads, .overtaken_at_most = bound, .overtaken_for = std::chrono::milliseconds(0)});
  std::vector<Gate> gates(threads);
  for (Gate& gate : gates) gate.hold(pool);
  std::vector<std::future<bool>> right;
  std::minstd_rand random(1);
  for (unsigned i = 0; i < 1600; ++i) {
    const unsigned who = static_cast<unsigned>(random() % 8);
    right.push_back(pool.submit(user(who), [who] { return uid_now() == 4000 + who; }));
  }
  for (Gate& gate : gates) gate.open();
  for (auto& is : right) must(is.get(), "run as somebody else");
  must(pool.counts().most_overtaken <= bound, "overtaken too often");
  return pool.counts().switches;
}

TEST(Mixed_work_of_eight_identities, is_run_with_at_most_a_switch_for_ten_tasks) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              for (const unsigned threads : {1U, 2U, 4U}) {
                const std::uint64_t switches = switches_for_mixed_work(256, threads);
                must(switches <= 160,
                     std::to_string(switches) + " switches on " + std::to_string(threads) + " threads");
              }
              must(switches_for_mixed_work(0, 1) > 1000, "first come, first served switches for nearly every task");
            }),
            "");
}

TEST(A_hundred_thousand_identities, leave_nothing_behind) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 2});
              std::vector<std::weak_ptr<const detail::TokenData>> tokens;
              std::atomic<unsigned> wrong = 0;
              constexpr unsigned many = 100'000;
              tokens.reserve(many);
              for (unsigned n = 0; n < many; ++n) {
                const Token token = user(n);
                tokens.push_back(token.data());
                (void)pool.submit(token, [&wrong, n] { wrong += uid_now() != 4000 + n; });
              }
              pool.wait_until_idle();
              must_equal(wrong.load(), 0U, "run as somebody else");
              must_equal(pool.counts().identities, std::size_t{0}, "identities that have work");
              pool.submit([] {}).get();
              pool.wait_until_idle();
              std::size_t alive = 0;
              for (const auto& token : tokens) alive += token.expired() ? 0 : 1;
              // Each worker remembers the last user, whose keys it still has.
              must(alive <= 2, std::to_string(alive) + " tokens are still there");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
