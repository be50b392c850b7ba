// How work on as() ends otherwise than well: exceptions, cancellation, shutdown, identities that cannot be taken.
#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <future>
#include <optional>

#include "asio/loop.h"
#include "behalf/asio.h"
#include "cursed.h"
#include "faulty_calls.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

namespace ba = boost::asio;
using asio::as;
using std::chrono::hours;

ba::awaitable<void> waits_for_ever(uid_t& caught, uid_t& destroyed) {
  const Witness local(destroyed);
  ba::steady_timer timer(co_await ba::this_coro::executor, hours(1));
  try {
    co_await timer.async_wait(ba::use_awaitable);
  } catch (const boost::system::system_error&) {
    caught = uid_now();
    throw;
  }
}

TEST(An_exception, comes_out_of_run_and_the_thread_is_the_service_again) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              ba::post(as(alice(), io), [] { throw std::runtime_error("as alice"); });
              ba::dispatch(as(bob(), io), [&] {
                ba::dispatch(as(alice(), io), [] { throw std::runtime_error("inside of his"); });
                must_be_now(bob());
              });
              const Met met = run_all(io, 1);
              must(met.thrown == std::vector<std::string>{"as alice", "inside of his"}, "something else was thrown");
            }),
            "");
}

TEST(A_coroutine, that_is_cancelled_ends_as_its_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              ba::cancellation_signal cancel;
              uid_t caught = nobody_yet;
              uid_t destroyed = nobody_yet;
              uid_t told = nobody_yet;
              ba::co_spawn(as(alice(), io), waits_for_ever(caught, destroyed),
                           ba::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error) {
                             must(error != nullptr, "no error");
                             told = uid_now();
                           }));
              ba::post(io, [&] { cancel.emit(ba::cancellation_type::terminal); });
              // By one thread: another could cancel before there is anything to.
              run_well(io, 1);
              must_equal(caught, alice_id, "caught as");
              must_equal(destroyed, alice_id, "destroyed as");
              must_equal(told, alice_id, "the completion handler ran as");
            }),
            "");
}

// The main thread ends the context: it is never alice itself.
TEST(A_context_that_ends, destroys_what_is_pending_as_its_users) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t posted[3] = {nobody_yet, nobody_yet, nobody_yet};
              uid_t caught = nobody_yet;
              uid_t local = nobody_yet;
              uid_t parameter = nobody_yet;
              uid_t bound = nobody_yet;
              {
                ba::io_context io;
                ba::post(as(alice(), io), [w = Witness(posted[0])] {});
                ba::post(as(bob(), ba::make_strand(io)), [w = Witness(posted[1])] {});
                ba::post(ba::make_strand(as(bob(), io)), [w = Witness(posted[2])] {});
              }
              {
                ba::io_context io;
                ba::steady_timer timer(io, hours(1));
                timer.async_wait(behalf::bind(alice(), [w = Witness(bound)](boost::system::error_code) {}));
                ba::co_spawn(
                    as(alice(), io), [&, w = Witness(parameter)]() { return waits_for_ever(caught, local); },
                    ba::detached);
                on_thread([&] { io.poll(); });
              }
              must_equal(posted[0], alice_id, "posted: destroyed as");
              must_equal(posted[1], bob_id, "posted to a strand: destroyed as");
              must_equal(posted[2], bob_id, "posted to a strand of hers: destroyed as");
              must_equal(caught, nobody_yet, "went on as");
              must_equal(local, alice_id, "a coroutine's local: destroyed as");
              must_equal(parameter, alice_id, "a coroutine's parameter: destroyed as");
              must_equal(bound, alice_id, "bound: destroyed as");
              must_equal(abandoned(), std::size_t{0}, "kept");
            }),
            "");
}

TEST(A_handler, whose_identity_cannot_be_taken_is_not_run_and_run_throws) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              ba::io_context io;
              std::atomic<int> ran = 0;
              uid_t destroyed = nobody_yet;
              const auto strand = ba::make_strand(io);
              ba::post(as(cursed(), io), [&, w = Witness(destroyed)] { ran += 100; });
              ba::post(as(cursed(), strand), [&] { ran += 100; });
              ba::post(as(alice(), strand), [&] { ++ran; });
              ba::post(ba::make_strand(as(cursed(), io)), [&] { ran += 100; });
              ba::dispatch(as(alice(), io), [&] {
                ba::dispatch(as(cursed(), io), [&] { ran += 100; });
                must_be_now(alice());
                ++ran;
              });
              const Met met = run_all(io);
              must_equal(met.refused.size(), std::size_t{4}, "refused");
              for (const auto reason : met.refused) must(reason == Error::Reason::out_of_resources, "another reason");
              must(met.thrown.empty(), "something else was thrown");
              must_equal(ran.load(), 2, "ran");
              must_equal(destroyed, nobody_yet, "destroyed as");
              must_equal(abandoned(), std::size_t{1}, "kept");
              curse_is_on = false;
              must_equal(destroy_abandoned(), std::size_t{0}, "kept in the end");
              must_equal(destroyed, cursed_id, "destroyed in the end as");
            }),
            "");
}

std::atomic<int> told = 0;

TEST(A_thread_pool, goes_on_where_somebody_is_told_of_what_was_not_run) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              asio::on_not_worn([](const Error& error) noexcept {
                told += static_cast<int>(error.reason() == Error::Reason::out_of_resources);
              });
              ba::thread_pool pool(2);
              std::atomic<int> ran = 0;
              ba::post(as(cursed(), pool), [&] { ran += 100; });
              ba::post(as(alice(), pool), [&] { ++ran; });
              pool.join();
              must_equal(told.load(), 1, "told");
              must_equal(ran.load(), 1, "ran");
            }),
            "");
}

TEST(A_thread_pool, ends_the_process_where_nobody_is) {
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    put_curse();
    ba::thread_pool pool(1);
    ba::post(as(cursed(), pool), [] { ::_exit(0); });
    pool.join();
  });
  EXPECT_FALSE(end.exited);
  EXPECT_EQ(end.status, SIGABRT);
}

ba::awaitable<void> waits_a_moment(uid_t& went_on, uid_t& destroyed) {
  const Witness local(destroyed);
  ba::steady_timer timer(co_await ba::this_coro::executor, std::chrono::milliseconds(1));
  co_await timer.async_wait(ba::use_awaitable);
  went_on = uid_now();
}

// It is kept, and with it the handler that would tell of its end; nothing of it runs as anybody else.
TEST(A_coroutine, that_cannot_go_on_as_its_user_does_not_and_can_be_ended_later) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              curse_is_on = false;
              ba::io_context io;
              uid_t went_on = nobody_yet;
              uid_t destroyed = nobody_yet;
              auto end = ba::co_spawn(as(cursed(), io), waits_a_moment(went_on, destroyed), ba::use_future);
              on_thread([&] {
                io.poll();
                curse_is_on = true;
                bool refused = false;
                try {
                  io.run();
                } catch (const Error&) {
                  refused = true;
                }
                must(refused, "it was not refused");
              });
              must_equal(went_on, nobody_yet, "it went on as");
              must_equal(destroyed, nobody_yet, "it was destroyed as");
              must_equal(abandoned(), std::size_t{1}, "kept");
              curse_is_on = false;
              must_equal(destroy_abandoned(), std::size_t{0}, "kept in the end");
              run_well(io);
              must_equal(went_on, nobody_yet, "it went on in the end as");
              must_equal(destroyed, cursed_id, "it was destroyed in the end as");
              bool broken = false;
              try {
                end.get();
              } catch (const std::future_error&) {
                broken = true;
              }
              must(broken, "its future got something");
            }),
            "");
}

TEST(On_the_main_thread, no_handler_of_a_user_runs) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              bool ran = false;
              uid_t destroyed = nobody_yet;
              ba::post(as(alice(), io), [&, w = Witness(destroyed)] { ran = true; });
              std::optional<Error::Reason> reason;
              try {
                io.run();
              } catch (const Error& error) {
                reason = error.reason();
              }
              must(reason == Error::Reason::main_thread && !ran, "it ran, or another reason");
              must_equal(destroyed, alice_id, "destroyed as");
            }),
            "");
}

ba::awaitable<void> holds_a_guard_across_co_await() {
  const Impersonation guard{bob()};
  ba::steady_timer timer(co_await ba::this_coro::executor, std::chrono::milliseconds(1));
  co_await timer.async_wait(ba::use_awaitable);
  ::_exit(0);
}

TEST(An_impersonation_held_across_co_await, ends_the_process_and_says_so) {
  for (const bool as_alice : {true, false}) {
    const ChildEnd end = in_child([&] {
      start(ServiceKind::root);
      on_thread([&] {
        ba::io_context io;
        ba::co_spawn(as_alice ? as(alice(), io) : as(as_service, io), holds_a_guard_across_co_await(), ba::detached);
        io.run();
      });
    });
    EXPECT_TRUE(end.exited && end.status == 70) << end.status << end.failure;
    EXPECT_NE(end.said.find("held it across co_await"), std::string::npos) << end.said;
  }
}

// Every credential call goes wrong once, in every way: the handler runs as its user or not at all, run() goes on, and a
// thread that could not be given back ends the process.
TEST(Whatever_call_fails, no_handler_runs_as_somebody_else) {
  int refused = 0;
  int ended = 0;
  for (const FaultPlan& kind : {FaultPlan{.error = EPERM}, FaultPlan{.error = EAGAIN}, FaultPlan{.silent = true}}) {
    bool hit = true;
    for (long n = 0; hit; ++n) {
      const ChildEnd end = in_child([&] {
        start(ServiceKind::root);
        on_thread([&] {
          ba::io_context io;
          int ran = 0;
          uid_t destroyed[2] = {nobody_yet, nobody_yet};
          const auto handler = [&](const Token& who, uid_t& end_as) {
            return [&ran, who, w = Witness(end_as)] {
              must_be_now(who);
              ++ran;
            };
          };
          ba::post(as(alice(), io), handler(alice(), destroyed[0]));
          ba::post(as(bob(), io), handler(bob(), destroyed[1]));
          FaultPlan plan = kind;
          plan.first = n;
          arm(plan);
          int thrown = 0;
          for (;;) {
            try {
              io.run();
              break;
            } catch (const Error&) {
              ++thrown;
            }
          }
          const Faults faults = disarm();
          must_equal(uid_now(), uid_t{0}, "the thread");
          must_equal(ran + thrown, 2, "run or refused");
          must(thrown == 0 || faults.hit, "refused without a fault");
          (void)destroy_abandoned();
          must_equal(destroyed[0], alice_id, "destroyed as");
          must_equal(destroyed[1], bob_id, "destroyed as");
          if (!faults.hit) throw std::runtime_error("past the last call");
          if (thrown > 0) throw std::runtime_error("refused");
        });
      });
      hit = end.failure != "past the last call";
      if (end.failure == "refused") {
        ++refused;
      } else if (end.exited && end.status == 70) {
        ++ended;
      } else {
        EXPECT_TRUE(!hit || (end.exited && end.status == 0)) << n << ": " << end.failure << end.said;
      }
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(ended, 0);
}

}  // namespace
}  // namespace behalf::testing
