// as(): as whom handlers run and are destroyed, on every kind of executor and for every kind of handler.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/local/connect_pair.hpp>

#include "asio/loop.h"
#include "behalf/asio.h"
#include "stand_in_service.h"
#include "threads_now.h"

namespace behalf::testing {
namespace {

namespace ba = boost::asio;
using asio::as;
using std::chrono::milliseconds;

static_assert(ba::execution::is_executor<asio::Executor<ba::io_context::executor_type>>::value);
static_assert(ba::execution::is_executor<asio::Executor<ba::thread_pool::executor_type>>::value);
static_assert(ba::execution::is_executor<asio::Executor<ba::any_io_executor>>::value);
static_assert(ba::execution::is_executor<ba::strand<asio::Executor<ba::io_context::executor_type>>>::value);
static_assert(std::is_convertible_v<asio::Executor<ba::io_context::executor_type>, ba::any_io_executor>);
static_assert(std::is_nothrow_copy_constructible_v<asio::Executor<ba::io_context::executor_type>>);

// Post, dispatch and defer of a handler that must run and be destroyed as the user.
template <class Ex>
void all_ways(const Ex& executor, const Token& who, uid_t (&destroyed)[3], std::atomic<int>& ran) {
  const auto handler = [&](uid_t& end) {
    return [&ran, who, w = Witness(end)] {
      must_be_now(who);
      ++ran;
    };
  };
  ba::post(executor, handler(destroyed[0]));
  ba::dispatch(executor, handler(destroyed[1]));
  ba::defer(executor, handler(destroyed[2]));
}

TEST(Every_executor, runs_and_destroys_work_as_the_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              ba::thread_pool pool(2);
              std::atomic<int> ran = 0;
              uid_t destroyed[8][3] = {};
              const ba::any_io_executor any = as(alice(), io);
              all_ways(as(alice(), io), alice(), destroyed[0], ran);
              all_ways(as(alice(), pool), alice(), destroyed[1], ran);
              all_ways(as(alice(), ba::make_strand(io)), alice(), destroyed[2], ran);
              all_ways(ba::make_strand(as(alice(), pool)), alice(), destroyed[3], ran);
              all_ways(any, alice(), destroyed[4], ran);
              all_ways(ba::make_strand(any), alice(), destroyed[5], ran);
              all_ways(as(alice(), as(bob(), io)), alice(), destroyed[6], ran);
              all_ways(as(alice(), ba::any_io_executor(as(bob(), pool))), alice(), destroyed[7], ran);
              run_well(io);
              pool.join();
              must_equal(ran.load(), 24, "ran");
              for (const auto& executor : destroyed) {
                for (const uid_t end : executor) must_equal(end, alice_id, "destroyed as");
              }
            }),
            "");
}

TEST(An_executor, carries_its_maker_and_the_service_only_by_name) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              uid_t ran_as[3] = {nobody_yet, nobody_yet, nobody_yet};
              on_thread([&] {
                const Impersonation as_alice{alice()};
                ba::post(as(io), [&] { ran_as[0] = uid_now(); });
                ba::post(as(as_service, io), [&] { ran_as[1] = uid_now(); });
                ba::post(as(io.get_executor()),
                         [&, more = as(as_service, as(io))] { ba::dispatch(more, [&] { ran_as[2] = uid_now(); }); });
              });
              run_well(io);
              must_equal(ran_as[0], alice_id, "the maker's");
              must_equal(ran_as[1], uid_t{0}, "the service's");
              must_equal(ran_as[2], uid_t{0}, "the service's, inside of hers");
            }),
            "");
}

TEST(Two_executors, are_equal_when_both_executor_and_identity_are) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              ba::io_context other;
              const auto hers = as(alice(), io);
              must(hers == as(alice(), io), "the same");
              must(hers != as(bob(), io), "another user");
              must(hers != as(alice().with_posture(Posture::shielded), io), "another posture");
              must(hers != as(alice(), other), "another context");
              must(hers != as(as_service, io), "the service");
              must(ba::any_io_executor(hers) == ba::any_io_executor(as(alice(), io)), "the same, held by any");
              must(ba::any_io_executor(hers) != ba::any_io_executor(as(bob(), io)), "another user, held by any");
              must(ba::any_io_executor(hers) != ba::any_io_executor(io.get_executor()), "nobody");
              must(&ba::query(hers, ba::execution::context) == &io, "the context");
              const auto never = ba::require(hers, ba::execution::blocking.never);
              must(ba::query(never, ba::execution::blocking) == ba::execution::blocking.never, "a property");
              must(never.who() == hers.who(), "the identity, with another property");
              auto strand = ba::make_strand(hers);
              must(strand == ba::strand(strand) && strand != ba::make_strand(hers), "strands");
            }),
            "");
}

TEST(A_handler, that_is_dispatched_inside_of_another_nests_and_costs_nothing_for_the_same_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              std::vector<uid_t> ran_as;
              const auto note = [&] { ran_as.push_back(uid_now()); };
              ba::post(as(alice(), io), [&] {
                ba::dispatch(as(bob(), io), [&] {
                  note();
                  ba::dispatch(as(as_service, io), note);
                  note();
                });
                note();
                ba::dispatch(as(alice(), io), note);
              });
              run_well(io, 1);
              must(ran_as == std::vector<uid_t>{bob_id, 0, bob_id, alice_id, alice_id}, "somebody else");
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
  co_await ba::async_write(a, ba::buffer("from her", 8), ba::use_awaitable);
  must_be_now(who);
  std::array<char, 8> text{};
  co_await ba::async_read(b, ba::buffer(text), ba::use_awaitable);
  must_be_now(who);
  ba::experimental::channel<void(boost::system::error_code, int)> channel(executor);
  channel.async_send({}, 7, ba::detached);
  must_equal(co_await channel.async_receive(ba::use_awaitable), 7, "received");
  must_be_now(who);
  ba::ip::tcp::resolver resolver(executor);
  co_await resolver.async_resolve("127.0.0.1", "80", ba::use_awaitable);
  must_be_now(who);
  ++steps;
}

ba::awaitable<void> brings_others(int& steps) {
  must_be_now(alice());
  const ba::any_io_executor executor = co_await ba::this_coro::executor;
  co_await ba::co_spawn(as(bob(), executor), travels(bob(), steps), ba::use_awaitable);
  must_be_now(alice());
  co_await travels(alice(), steps);
  must_be_now(alice());
}

TEST(A_coroutine, is_its_user_after_each_suspension_on_whatever_thread) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              asio::warm_up(io);
              std::vector<int> steps(40, 0);
              std::vector<std::future<void>> ends;
              for (std::size_t i = 0; i < steps.size(); i += 2) {
                ends.push_back(ba::co_spawn(as(alice(), ba::make_strand(io)), brings_others(steps[i]), ba::use_future));
                ends.push_back(ba::co_spawn(as(bob(), io), travels(bob(), steps[i + 1]), ba::use_future));
              }
              run_well(io, 4);
              for (auto& end : ends) end.get();
              for (std::size_t i = 0; i < steps.size(); ++i) must_equal(steps[i], i % 2 == 0 ? 2 : 1, "steps");
            }),
            "");
}

TEST(What_is_made_with_an_executor, has_it_for_its_handlers) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              uid_t ran_as[3] = {nobody_yet, nobody_yet, nobody_yet};
              ba::steady_timer timer(as(alice(), io), milliseconds(1));
              timer.async_wait([&](auto) { ran_as[0] = uid_now(); });
              ba::steady_timer nobodys(io, milliseconds(1));
              nobodys.async_wait(ba::bind_executor(as(alice(), io), [&](auto) { ran_as[1] = uid_now(); }));
              ba::signal_set signals(as(alice(), io), SIGUSR1);
              signals.async_wait([&](auto, int) { ran_as[2] = uid_now(); });
              ::raise(SIGUSR1);
              run_well(io);
              for (const uid_t who : ran_as) must_equal(who, alice_id, "ran as");
            }),
            "");
}

TEST(What_bind_makes, is_a_completion_handler_with_the_executor_of_the_handler_in_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              auto strand = ba::make_strand(io);
              uid_t ran_as = nobody_yet;
              uid_t destroyed = nobody_yet;
              bool in_strand = false;
              ba::steady_timer timer(io, milliseconds(1));
              timer.async_wait(behalf::bind(
                  alice(), ba::bind_executor(strand, [&, w = Witness(destroyed)](boost::system::error_code) {
                    ran_as = uid_now();
                    in_strand = strand.running_in_this_thread();
                  })));
              run_well(io);
              must_equal(ran_as, alice_id, "ran as");
              must_equal(destroyed, alice_id, "destroyed as");
              must(in_strand, "its executor was lost");
            }),
            "");
}

TEST(The_resolvers_thread, is_the_service_after_warm_up_whoever_resolves_first) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              asio::warm_up(io);
              asio::warm_up();
              bool resolved = false;
              ba::ip::tcp::resolver resolver(io);
              on_thread([&] {
                const Impersonation as_alice{alice()};
                resolver.async_resolve("127.0.0.1", "80", ba::bind_executor(as(io), [&](auto error, auto) {
                                         must_be_now(alice());
                                         resolved = !error;
                                       }));
                ba::post(as(ba::system_executor()), [] { must_be_now(alice()); });
              });
              run_well(io);
              must(resolved, "not resolved");
              const std::string wearing = threads_that_are_not_root();
              must(wearing.empty(), wearing);
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
