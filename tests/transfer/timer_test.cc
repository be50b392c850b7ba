// Timer, and the sleep of a task: what is done later is done, and destroyed, as whoever asked for it.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "behalf/sleep.h"
#include "behalf/timer.h"
#include "cursed.h"
#include "refused.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

// Becomes true some time.
template <class Condition>
void wait_until(const Condition& condition, const char* what) {
  for (int i = 0; i < 5000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
  must(condition(), what);
}

void nothing(const std::string& wrong, const char* what) {
  must(wrong.empty(), std::string{what} + ": " + wrong);
}

TEST(An_alarm, goes_off_as_who_set_it_or_as_who_is_named_and_is_destroyed_so) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Timer timer;
              std::promise<std::string> hers, his;
              std::promise<uid_t> its;
              static uid_t destroyed = nobody_yet;
              Alarm first;
              on_thread([&] {
                const Impersonation as{alice()};
                first = timer.after(1ms, [&, w = Witness(destroyed)] { hers.set_value(difference(alice())); });
                timer.after(bob(), 1ms, [&] { his.set_value(difference(bob())); }).detach();
                timer.after(as_service, 1ms, [&] { its.set_value(uid_now()); }).detach();
              });
              nothing(hers.get_future().get(), "hers");
              nothing(his.get_future().get(), "his");
              must_equal(its.get_future().get(), uid_t{0}, "the service's");
              wait_until([&] { return timer.counts().set == 0 && timer.counts().gone_off == 3; }, "they are not over");
              must_equal(destroyed, alice_id, "destroyed as");
              must(!first.is_set() && !first.cancel(), "it is still set");
              wait_until([] { return threads_that_are_not_root().empty(); }, "a worker stays somebody");
            }),
            "");
}

// In whoever's name a Timer is made, and whoever sets the first alarm: SIGEV_THREAD fails in both.
TEST(A_timer, is_made_as_the_service_by_whomever) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::optional<Timer> timer;
              on_thread([&] {
                const Impersonation as{alice()};
                timer.emplace();
              });
              nothing(threads_that_are_not_root(), "its threads");
              std::promise<uid_t> as_whom;
              timer->after(as_service, 0s, [&] { as_whom.set_value(uid_now()); }).detach();
              must_equal(as_whom.get_future().get(), uid_t{0}, "the service's");
            }),
            "");
}

TEST(Alarms, go_off_in_the_order_of_their_times) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::vector<int> order;
              std::promise<void> last;
              Timer timer;
              timer.after(60ms, [&] { order.push_back(3), last.set_value(); }).detach();
              timer.after(1ms, [&] { order.push_back(1); }).detach();
              timer.after(30ms, [&] { order.push_back(2); }).detach();
              last.get_future().get();
              must(order == std::vector<int>{1, 2, 3}, "another order");
            }),
            "");
}

// Between the moment and the first alarm the lock is held: 11 s of it where they are gathered in quadratic time.
TEST(Alarms, of_one_moment_may_be_many) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              constexpr int many = 200'000;
              ThreadPool pool({.threads = 1});
              Timer timer(pool);
              std::promise<void> held, go_on;
              timer.after(as_service, 0s, [&] { held.set_value(), go_on.get_future().wait(); }).detach();
              held.get_future().wait();
              const auto moment = std::chrono::steady_clock::now() + 1500ms;
              for (int i = 0; i < many; ++i) {
                timer.after(as_service, moment - std::chrono::steady_clock::now(), [] {}).detach();
              }
              std::this_thread::sleep_until(moment);
              wait_until([&] { return pool.counts().queued == many; }, "they are not due");
              go_on.set_value();
            }),
            "");
}

TEST(An_alarm, that_is_cancelled_or_whose_object_ends_never_goes_off_and_is_destroyed_as_its_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Timer timer;
              uid_t destroyed = nobody_yet;
              uid_t dropped = nobody_yet;
              std::atomic<bool> ran = false;
              Alarm alarm = timer.after(alice(), 200ms, [&ran, w = Witness(destroyed)] { ran = true; });
              {
                Alarm other = timer.after(bob(), 200ms, [&ran, w = Witness(dropped)] { ran = true; });
              }
              must_equal(dropped, bob_id, "destroyed with its object as");
              must(alarm.is_set() && alarm.cancel() && !alarm.cancel(), "cancelled");
              must_equal(destroyed, alice_id, "destroyed as");
              std::this_thread::sleep_for(250ms);
              must(!ran, "it went off");
              must_equal(timer.counts().set, std::size_t{0}, "set");
            }),
            "");
}

TEST(Cancel, waits_for_a_callable_that_runs_but_not_within_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Timer timer;
              std::promise<void> begun;
              std::atomic<bool> ended = false;
              Alarm slow = timer.after(alice(), 0s, [&] {
                begun.set_value();
                std::this_thread::sleep_for(20ms);
                ended = true;
              });
              begun.get_future().get();
              must(!slow.cancel(), "it had gone off already");
              must(ended, "it was not waited for");
              std::atomic<int> times = 0;
              std::promise<Alarm*> itself;
              Alarm periodic = timer.every(alice(), 1ms, [&, own = itself.get_future().share()] {
                if (++times == 3) own.get()->cancel();
              });
              itself.set_value(&periodic);
              wait_until([&] { return timer.counts().set == 0; }, "it goes on");
              must_equal(times.load(), 3, "times");
            }),
            "");
}

TEST(A_periodic_alarm, never_runs_twice_at_a_time_and_is_told_what_has_passed) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 4});
              Timer timer(pool);
              std::atomic<int> at_once = 0;
              std::atomic<std::uint64_t> passed = 0;
              std::atomic<int> runs = 0;
              std::string wrong;
              Alarm alarm = timer.every(alice(), 2ms, [&](std::uint64_t periods) {
                if (++at_once != 1) wrong += "twice at a time; ";
                wrong += difference(alice());
                passed += periods;
                if (++runs == 1) std::this_thread::sleep_for(30ms);
                --at_once;
              });
              wait_until([&] { return runs >= 4; }, "it does not go on");
              alarm.cancel();
              nothing(wrong, "wrong");
              must(passed >= static_cast<std::uint64_t>(runs) + 5, "what it missed was not told");
              must(timer.counts().late >= 5, "counted");
            }),
            "");
}

TEST(An_alarm, whose_identity_cannot_be_taken_is_not_run_and_a_periodic_one_tries_again) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Timer timer;
              uid_t destroyed = nobody_yet;
              std::atomic<bool> once = false;
              std::atomic<uid_t> again = nobody_yet;
              put_curse();
              timer.after(cursed(), 0s, [&once, w = Witness(destroyed)] { once = true; }).detach();
              Alarm periodic = timer.every(cursed(), 1ms, [&] { again = uid_now(); });
              wait_until([&] { return timer.counts().not_worn >= 3 && abandoned() == 1; }, "not counted");
              must(!once && destroyed == nobody_yet && again == nobody_yet, "something was done as somebody");
              curse_is_on = false;
              wait_until([&] { return again == cursed_id; }, "it is not tried again");
              must_equal(destroy_abandoned(), std::size_t{0}, "kept");
              must_equal(destroyed, cursed_id, "destroyed as");
            }),
            "");
}

TEST(The_end_of_a_timer, drops_what_is_set_as_its_user_and_waits_for_what_runs) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 2});
              uid_t destroyed = nobody_yet;
              std::atomic<bool> ended = false;
              Alarm left;
              {
                Timer timer(pool);
                left = timer.after(bob(), 1h, [w = Witness(destroyed)] {});
                std::promise<void> begun;
                timer
                    .every(alice(), 1ms,
                           [&, told = false]() mutable {
                             if (std::exchange(told, true)) return;
                             begun.set_value();
                             std::this_thread::sleep_for(20ms);
                             ended = true;
                           })
                    .detach();
                begun.get_future().get();
              }
              must(ended, "it was not waited for");
              must_equal(destroyed, bob_id, "destroyed as");
              must(!left.is_set() && !left.cancel(), "it is set");
            }),
            "");
}

TEST(Cancel, destroys_the_callable_also_where_the_timer_is_being_destroyed) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::promise<void> begun, go_on;
              struct Slow {
                std::promise<void>* begun;
                std::shared_future<void> go_on;
                Slow(Slow&& other) noexcept : begun(std::exchange(other.begun, nullptr)), go_on(other.go_on) {}
                Slow(std::promise<void>& told, std::shared_future<void> until) : begun(&told), go_on(until) {}
                ~Slow() {
                  if (begun == nullptr) return;
                  begun->set_value();
                  go_on.wait();
                }
              };
              uid_t destroyed = nobody_yet;
              std::optional<Timer> timer(std::in_place);
              timer->after(alice(), 1h, [s = Slow(begun, go_on.get_future().share())] {}).detach();
              Alarm second = timer->after(bob(), 2h, [w = Witness(destroyed)] {});
              std::thread ends([&] { timer.reset(); });
              begun.get_future().wait();
              const bool was_set = second.is_set() || second.cancel();
              const uid_t destroyed_as = destroyed;
              go_on.set_value();
              ends.join();
              must(!was_set, "it is set");
              must_equal(destroyed_as, bob_id, "destroyed as");
            }),
            "");
}

// What is due then is in the queue behind the task that ends the timer.
TEST(The_end_of_a_timer, may_be_in_a_task_of_its_pool) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              std::optional<Timer> timer(std::in_place, pool);
              uid_t destroyed = nobody_yet;
              std::atomic<bool> ran = false;
              uid_t destroyed_then = nobody_yet;
              auto ended = pool.submit(alice(), [&] {
                timer->after(bob(), 0s, [&ran, w = Witness(destroyed)] { ran = true; }).detach();
                wait_until([&] { return pool.counts().queued == 1; }, "it is not due");
                timer.reset();
                destroyed_then = destroyed;
              });
              must(ended.wait_for(5s) == std::future_status::ready, "it waits for itself");
              pool.wait_until_idle();
              must(!ran, "it went off");
              must_equal(destroyed_then, bob_id, "destroyed as");
            }),
            "");
}

TEST(A_timer, that_cannot_be_made_says_so) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::account);
              const rlimit none{0, 0};
              [[maybe_unused]] rlimit was{};
              ::getrlimit(RLIMIT_NOFILE, &was);
              ThreadPool pool({.threads = 1});
#if !defined(__SANITIZE_ADDRESS__)  // UBSan looks at an object through a pipe of its own
              const rlimit no_files{0, was.rlim_max};
              must(::setrlimit(RLIMIT_NOFILE, &no_files) == 0, "setrlimit");
              must(refused(Error::Reason::out_of_resources, [&] { Timer timer(pool); }), "without a descriptor");
              ::setrlimit(RLIMIT_NOFILE, &was);
#endif
              must(::setrlimit(RLIMIT_NPROC, &none) == 0, "setrlimit");
              must(refused(Error::Reason::out_of_resources, [&] { Timer timer(pool); }), "without a thread");
            }),
            "");
}

task<std::string> sleeps(Timer& timer, Token who) {
  const auto began = std::chrono::steady_clock::now();
  const Impersonation inner{bob()};
  co_await sleep_for(timer, 5ms);
  if (std::chrono::steady_clock::now() - began < 5ms) co_return "it was woken early";
  std::string wrong = difference(bob());
  co_await sleep_for(timer, 0s);
  co_return wrong + (worn() == who ? "it is somebody else" : "");
}

task<uid_t> sleeps_long(Timer& timer) {
  co_await sleep_for(timer, 1h);
  co_return uid_now();
}

TEST(A_task_that_sleeps, is_itself_again_and_meanwhile_no_thread_is) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Timer timer;
              on_thread([&] { nothing(sync_wait(sleeps(timer, alice()).as(alice())), "wrong"); });
              ThreadPool pool({.threads = 1});
              std::stop_source stop;
              std::future<uid_t> long_one = behalf::start(pool, sleeps_long(timer).as(alice()), stop.get_token());
              wait_until([&] { return timer.counts().set == 1; }, "it does not sleep");
              pool.wait_until_idle();
              wait_until([] { return threads_that_are_not_root().empty(); }, "a thread is somebody while it sleeps");
              stop.request_stop();
              must(refused(Error::Reason::cancelled, [&] { long_one.get(); }), "it was not woken");
            }),
            "");
}

TEST(A_task_that_sleeps, is_told_of_the_end_of_its_timer_and_of_a_stop_that_came_before) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        ThreadPool pool({.threads = 1});
        std::optional<Timer> timer(std::in_place);
        std::future<uid_t> long_one = behalf::start(pool, sleeps_long(*timer).as(alice()));
        wait_until([&] { return timer->counts().set == 1; }, "it does not sleep");
        on_thread([&] { timer.reset(); });
        must(refused(Error::Reason::cancelled, [&] { long_one.get(); }), "it was not told");
        Timer other;
        std::stop_source stop;
        stop.request_stop();
        on_thread([&] {
          must(refused(Error::Reason::cancelled, [&] { sync_wait(sleeps_long(other).as(alice()), stop.get_token()); }),
               "it sleeps although it was stopped");
        });
      }),
      "");
}

TEST(A_task_that_sleeps, is_told_of_the_end_of_its_timer_as_itself_also_where_the_main_thread_ends_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              std::optional<Timer> timer(std::in_place);
              const auto body = [](Timer& by) -> task<std::string> {
                try {
                  co_await sleep_for(by, 1h);
                } catch (const Error& error) {
                  must(error.reason() == Error::Reason::cancelled, error.what());
                  co_return difference(alice());
                }
                co_return "it was not told";
              };
              auto told = behalf::start(pool, body(*timer).as(alice()));
              wait_until([&] { return timer->counts().set == 1; }, "it does not sleep");
              timer.reset();
              nothing(told.get(), "wrong");
            }),
            "");
}

TEST(A_task_that_sleeps, goes_no_further_where_its_identity_cannot_be_taken) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Timer timer;
              ThreadPool pool({.threads = 1});
              put_curse();
              curse_is_on = false;
              bool went_on = false;
              auto body = [](Timer& by, bool& further) -> task<> {
                co_await sleep_for(by, 30ms);
                further = true;
              };
              std::future<void> future = behalf::start(pool, body(timer, went_on).as(cursed()));
              wait_until([&] { return timer.counts().set == 1; }, "it does not sleep");
              curse_is_on = true;
              must(refused(Error::Reason::out_of_resources, [&] { future.get(); }), "it was not refused");
              must(!went_on, "it went on");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
