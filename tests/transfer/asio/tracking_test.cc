// asio_tracking.h: a whole program whose handlers are whoever started them, without a word of it.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/local/connect_pair.hpp>

#include "asio/loop.h"
#include "behalf/asio.h"
#include "cursed.h"
#include "stand_in_service.h"
#include "threads_now.h"

namespace behalf::testing {
namespace {

namespace ba = boost::asio;
using std::chrono::milliseconds;

template <class Start>
void as_user(const Token& who, const Start& start) {
  on_thread([&] {
    const Impersonation as{who};
    start();
  });
}

TEST(A_tracked_handler, runs_and_is_destroyed_as_who_started_it_on_every_executor) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              ba::thread_pool pool(2);
              auto strand = ba::make_strand(io);
              auto pool_strand = ba::make_strand(pool);
              std::atomic<int> ran = 0;
              std::vector<std::unique_ptr<uid_t>> destroyed;
              const auto all = [&](const Token& who) {
                const auto handler = [&] {
                  destroyed.push_back(std::make_unique<uid_t>(nobody_yet));
                  return [&ran, who, w = Witness(*destroyed.back())] {
                    must_be_now(who);
                    ++ran;
                  };
                };
                ba::post(io, handler());
                ba::defer(io, handler());
                ba::dispatch(io, handler());
                ba::post(pool, handler());
                ba::post(strand, handler());
                ba::dispatch(strand, handler());
                ba::post(pool_strand, handler());
                ba::post(ba::any_io_executor(io.get_executor()), handler());
              };
              for (int i = 0; i < 20; ++i) {
                as_user(alice(), [&] { all(alice()); });
                as_user(bob(), [&] { all(bob()); });
                all(Token::of_process());
              }
              run_well(io);
              pool.join();
              must_equal(ran.load(), 480, "ran");
              for (std::size_t i = 0; i < destroyed.size(); ++i) {
                const uid_t whose = std::array{alice_id, bob_id, uid_t{0}}[i / 8 % 3];
                must_equal(*destroyed[i], whose, "destroyed as");
              }
              must(threads_that_are_not_root().empty(), threads_that_are_not_root());
            }),
            "");
}

ba::awaitable<void> travels(Token who, int& steps) {
  must_be_now(who);
  const ba::any_io_executor executor = co_await ba::this_coro::executor;
  ba::steady_timer timer(executor, milliseconds(1));
  co_await timer.async_wait(ba::use_awaitable);
  must_be_now(who);
  co_await ba::post(ba::use_awaitable);
  must_be_now(who);
  ba::local::stream_protocol::socket a(executor), b(executor);
  ba::local::connect_pair(a, b);
  std::array<char, 8> text{};
  ba::steady_timer later(executor, milliseconds(1));
  later.async_wait([&, who](auto) {
    must_be_now(who);
    ba::async_write(a, ba::buffer("from her", 8), [who](auto, auto) { must_be_now(who); });
  });
  co_await ba::async_read(b, ba::buffer(text), ba::use_awaitable);
  must_be_now(who);
  ba::experimental::channel<void(boost::system::error_code, int)> channel(executor);
  ba::post(executor, [&channel] { channel.async_send({}, 7, ba::detached); });
  must_equal(co_await channel.async_receive(ba::use_awaitable), 7, "received");
  must_be_now(who);
  ba::ip::tcp::resolver resolver(executor);
  co_await resolver.async_resolve("127.0.0.1", "80", ba::use_awaitable);
  must_be_now(who);
  ++steps;
}

TEST(A_tracked_coroutine, is_who_spawned_it_after_each_suspension) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              asio::warm_up(io);
              std::vector<int> steps(40, 0);
              std::vector<std::future<void>> ends;
              for (std::size_t i = 0; i < steps.size(); ++i) {
                const Token who = i % 2 == 0 ? alice() : bob();
                as_user(who, [&] { ends.push_back(ba::co_spawn(io, travels(who, steps[i]), ba::use_future)); });
              }
              run_well(io, 4);
              for (auto& end : ends) end.get();
              for (const int each : steps) must_equal(each, 1, "steps");
            }),
            "");
}

TEST(A_tracked_handler, that_never_runs_is_destroyed_as_who_started_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t posted = nobody_yet;
              uid_t waits = nobody_yet;
              on_thread([&] {
                ba::io_context io;
                ba::steady_timer timer(io, std::chrono::hours(1));
                {
                  const Impersonation as{alice()};
                  ba::post(io, [w = Witness(posted)] {});
                  timer.async_wait([w = Witness(waits)](auto) {});
                }
              });
              must_equal(posted, alice_id, "the one posted was destroyed as");
              must_equal(waits, alice_id, "the one of a timer was destroyed as");
            }),
            "");
}

TEST(An_identity_that_a_tracked_handler_cannot_have, ends_the_process_before_it_is_run_or_destroyed) {
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    on_thread([] {
      ba::io_context io;
      {
        const Impersonation as{cursed()};
        ba::post(io, [] { ::_exit(1); });
      }
      put_curse();
      io.run();
    });
  });
  EXPECT_TRUE(end.exited && end.status == 70) << end.status << end.failure;
  EXPECT_NE(end.said.find("would be done as somebody else"), std::string::npos) << end.said;
}

ba::awaitable<void> keeps_a_scope_open(ba::io_context& io) {
  const Impersonation as{bob()};
  co_await ba::post(io, ba::use_awaitable);
}

TEST(A_scope_across_a_suspension, ends_the_process_before_anybody_else_runs) {
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    on_thread([] {
      ba::io_context io;
      ba::co_spawn(io, keeps_a_scope_open(io), ba::detached);
      ba::post(io, [] { ::_exit(1); });
      io.run();
    });
  });
  EXPECT_TRUE(end.exited && end.status == 70) << end.status << end.failure;
  EXPECT_NE(end.said.find("still open"), std::string::npos) << end.said;
}

TEST(An_executor_of_as, says_more_than_who_started_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              uid_t ran_as = nobody_yet;
              uid_t destroyed = nobody_yet;
              as_user(alice(), [&] {
                ba::post(asio::as(bob(), io), [&ran_as, w = Witness(destroyed)] { ran_as = uid_now(); });
              });
              run_well(io);
              must_equal(ran_as, bob_id, "ran as");
              must_equal(destroyed, bob_id, "destroyed as");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
