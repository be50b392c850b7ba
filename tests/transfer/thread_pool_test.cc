// ThreadPool: as whom work runs, and what becomes of work that does not run.
#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <sys/resource.h>

#include <atomic>
#include <optional>
#include <vector>

#include "behalf/thread_pool.h"
#include "cursed.h"
#include "gate.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using WhenFull = ThreadPoolOptions::WhenFull;
using AtEnd = ThreadPoolOptions::AtEnd;

template <class F>
std::optional<Error::Reason> reason_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.reason();
  }
  return std::nullopt;
}

void must_be_refused(Error::Reason reason, const std::string& what, const std::function<void()>& f) {
  const auto is = reason_of(f);
  must(is == reason, what + ": " + (is ? std::string{to_string(*is)} : "no error"));
}

TEST(A_pool, runs_and_destroys_work_as_whoever_submitted_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 2});
              on_thread([&] {
                uid_t destroyed = nobody_yet;
                std::future<std::string> wrong;
                {
                  const Impersonation as{alice()};
                  wrong = pool.submit([w = Witness(destroyed)] { return difference(alice()); });
                }
                const std::string difference_of_alice = wrong.get();
                must(difference_of_alice.empty(), difference_of_alice);
                must_equal(destroyed, alice_id, "destroyed as, when the result is there");
              });
              must_equal(pool.submit(bob(), [] { return uid_now(); }).get(), bob_id, "bob's");
              must_equal(pool.submit([] { return uid_now(); }).get(), uid_t{0}, "the service's");
            }),
            "");
}

TEST(A_pool, runs_and_destroys_work_that_nobody_waits_for_as_whoever_posted_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t ran = nobody_yet;
              uid_t destroyed = nobody_yet;
              uid_t dropped = nobody_yet;
              bool dropped_ran = false;
              bool asked_to_stop = false;
              {
                ThreadPool pool({.threads = 1});
                on_thread([&] {
                  const Impersonation as{alice()};
                  pool.post([&ran, w = Witness(destroyed)] { ran = uid_now(); });
                });
                pool.wait_until_idle();
                must_equal(ran, alice_id, "ran as");
                must_equal(destroyed, alice_id, "destroyed as");
                Gate gate;
                gate.hold(pool);
                pool.post(bob(), [&dropped_ran, w = Witness(dropped)] { dropped_ran = true; });
                pool.cancel();
                gate.open();
                pool.wait_until_idle();
                must(!dropped_ran, "it was cancelled, and ran");
                must_equal(dropped, bob_id, "cancelled, destroyed as");
                pool.post(as_service, [&](const std::stop_token& stop) { asked_to_stop = !stop.stop_possible(); });
                pool.wait_until_idle();
                must(!asked_to_stop, "it was not given the pool's stop token");
              }
            }),
            "");
}

TEST(A_pool, takes_as_service_by_name_alone) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              on_thread([&] {
                const Impersonation as{alice()};
                must_equal(pool.submit(as_service, [] { return uid_now(); }).get(), uid_t{0}, "as_service");
                must_equal(pool.submit([] { return uid_now(); }).get(), alice_id, "the submitter's");
              });
            }),
            "");
}

TEST(A_pool, made_while_impersonating_has_workers_that_were_born_as_the_service) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                KernelView service = kernel_view();
                const Impersonation as{alice()};
                ThreadPool pool({.threads = 3});
                KernelView worker = pool.submit(as_service, [] { return kernel_view(); }).get();
                worker.blocked_signals = service.blocked_signals;
                must_be(worker, service, "a worker");
                must_equal(pool.counts().switches, std::uint64_t{0}, "switches");
                must_equal(uid_now(), alice_id, "the maker");
              });
            }),
            "");
}

TEST(A_pool, gives_every_identity_back_before_its_workers_sleep) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 3});
              for (int round = 0; round < 20; ++round) {
                for (int i = 0; i < 10; ++i) (void)pool.submit(i % 2 == 0 ? alice() : bob(), [] {});
                pool.wait_until_idle();
                const std::string wearing = threads_that_are_not_root();
                must(wearing.empty(), wearing);
              }
            }),
            "");
}

TEST(A_pool, keeps_an_identity_while_idle_only_where_told_to) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1, .keeps = std::chrono::hours{1}});
              for (int i = 0; i < 5; ++i) pool.submit(alice(), [] {}).get();
              must_equal(pool.counts().switches, std::uint64_t{1}, "switches of one that keeps");
              ThreadPool for_ever({.threads = 1, .keeps = std::chrono::milliseconds::max()});
              for (int i = 0; i < 5; ++i) {
                for_ever.submit(alice(), [] {}).get();
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
              }
              must_equal(for_ever.counts().switches, std::uint64_t{1}, "switches of one that keeps for ever");
              ThreadPool other({.threads = 1});
              for (int i = 0; i < 5; ++i) {
                other.submit(alice(), [] {}).get();
                other.wait_until_idle();
              }
              must_equal(other.counts().switches, std::uint64_t{5}, "switches of one that does not");
            }),
            "");
}

TEST(A_pool, gives_results_references_and_exceptions_back) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 2});
              int number = 1;
              must(&pool.submit(alice(), [&]() -> int& { return number; }).get() == &number, "a reference");
              must(*pool.submit(alice(), [] { return std::make_unique<int>(7); }).get() == 7, "what only moves");
              auto failing = pool.submit(alice(), [] { throw std::runtime_error("as alice"); });
              bool thrown = false;
              try {
                failing.get();
              } catch (const std::runtime_error& error) {
                thrown = std::string{error.what()} == "as alice";
              }
              must(thrown, "the exception");
              must_equal(pool.submit(bob(), [] { return uid_now(); }).get(), bob_id, "after an exception");
            }),
            "");
}

TEST(A_task, whose_identity_cannot_be_taken_is_not_run_and_its_future_gets_the_error) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              ThreadPool pool({.threads = 1});
              std::atomic<bool> ran = false;
              uid_t destroyed = nobody_yet;
              Gate gate;
              gate.hold(pool);
              auto before = pool.submit(alice(), [] { return uid_now(); });
              auto result = pool.submit(cursed(), [&ran, w = Witness(destroyed)] { ran = true; });
              auto after = pool.submit(alice(), [] { return uid_now(); });
              gate.open();
              must_be_refused(Error::Reason::out_of_resources, "the future", [&] { result.get(); });
              must(!ran, "it was run");
              must(before.get() == alice_id && after.get() == alice_id, "the neighbours");
              pool.wait_until_idle();
              must_equal(destroyed, nobody_yet, "destroyed as");
              must_equal(abandoned(), std::size_t{1}, "kept");
              must_equal(pool.counts().not_worn, std::uint64_t{1}, "counted");
              curse_is_on = false;
              must_equal(pool.submit(cursed(), [] { return uid_now(); }).get(), cursed_id, "without the curse");
            }),
            "");
}

TEST(A_bounded_pool, that_refuses_says_so_and_destroys_the_work_as_its_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1, .capacity = 2, .when_full = WhenFull::refuse});
              Gate gate;
              gate.hold(pool);
              auto a = pool.submit(alice(), [] { return uid_now(); });
              auto b = pool.try_submit(bob(), [] { return uid_now(); });
              must(b.has_value(), "there was room");
              on_thread([&] {
                uid_t destroyed = nobody_yet;
                must_be_refused(Error::Reason::queue_full, "submit",
                                [&] { (void)pool.submit(alice(), [w = Witness(destroyed)] {}); });
                must_equal(destroyed, alice_id, "destroyed as");
                destroyed = nobody_yet;
                must(!pool.try_submit(bob(), [w = Witness(destroyed)] {}), "there was no room");
                must_equal(destroyed, bob_id, "destroyed as");
              });
              gate.open();
              must(a.get() == alice_id && b->get() == bob_id, "what was queued");
            }),
            "");
}

TEST(A_bounded_pool, makes_submitters_wait_but_never_its_own_workers) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1, .capacity = 1});
              Gate gate;
              gate.hold(pool);
              (void)pool.submit(alice(), [] {});
              std::atomic<bool> submitted = false;
              std::thread submitter([&] {
                (void)pool.submit(bob(), [] {});
                submitted = true;
              });
              must(!submitted, "there was no room");
              gate.open();
              submitter.join();
              pool.wait_until_idle();
              must_equal(pool.counts().queued, std::size_t{0}, "queued");
              auto own = pool.submit(alice(), [&] {
                (void)pool.submit([] {});
                return reason_of([&] { (void)pool.submit([] {}); }) == Error::Reason::queue_full;
              });
              must(own.get(), "a worker was to wait for itself");
            }),
            "");
}

TEST(A_pool_that_ends, runs_what_is_queued) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::vector<std::future<uid_t>> results;
              {
                ThreadPool pool({.threads = 2});
                for (int i = 0; i < 200; ++i) {
                  results.push_back(pool.submit(i % 2 == 0 ? alice() : bob(), [] { return uid_now(); }));
                }
              }
              for (int i = 0; i < 200; ++i) {
                must_equal(results[static_cast<std::size_t>(i)].get(), i % 2 == 0 ? alice_id : bob_id, "ran as");
              }
            }),
            "");
}

TEST(A_pool_that_ends, and_cancels_satisfies_every_future_and_destroys_all_work_as_its_user) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        std::vector<std::future<void>> results;
        std::vector<uid_t> destroyed(100, nobody_yet);
        std::atomic<int> ran = 0;
        std::optional<ThreadPool> pool(std::in_place, ThreadPoolOptions{.threads = 1, .at_end = AtEnd::cancel});
        std::promise<void> running;
        auto told = pool->submit(alice(), [&](std::stop_token stop) {
          running.set_value();
          while (!stop.stop_requested()) std::this_thread::yield();
          return uid_now();
        });
        running.get_future().wait();
        for (std::size_t i = 0; i < destroyed.size(); ++i) {
          results.push_back(pool->submit(i % 2 == 0 ? alice() : bob(), [&ran, w = Witness(destroyed[i])] { ++ran; }));
        }
        pool.reset();
        must_equal(told.get(), alice_id, "what ran was told to stop");
        must_equal(ran.load(), 0, "ran");
        for (std::size_t i = 0; i < destroyed.size(); ++i) {
          must_be_refused(Error::Reason::cancelled, "the future", [&] { results[i].get(); });
          must_equal(destroyed[i], i % 2 == 0 ? alice_id : bob_id, "destroyed as");
        }
      }),
      "");
}

// It waits in the pool for room, and must not find the pool gone. ASan and TSan see it where it does.
TEST(A_pool_that_ends, tells_who_waits_for_room_before_it_is_gone) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              for (int round = 0; round < 20; ++round) {
                std::optional<ThreadPool> pool(std::in_place,
                                               ThreadPoolOptions{.threads = 1, .capacity = 1, .at_end = AtEnd::cancel});
                std::promise<void> running;
                pool->post(as_service, [&](const std::stop_token& stop) {
                  running.set_value();
                  while (!stop.stop_requested()) std::this_thread::yield();
                });
                running.get_future().wait();
                pool->post(as_service, [] {});
                std::atomic<int> refused = 0;
                std::vector<std::thread> waiting;
                for (int i = 0; i < 16; ++i) {
                  waiting.emplace_back([&, to = &*pool] {
                    if (reason_of([&] { to->post(alice(), [] {}); }) == Error::Reason::cancelled) ++refused;
                  });
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
                pool.reset();
                for (std::thread& each : waiting) each.join();
                must_equal(refused.load(), 16, "told");
              }
            }),
            "");
}

TEST(A_pool_that_ends, asks_what_runs_to_stop_also_where_it_runs_what_is_queued) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::future<uid_t> running;
              std::future<bool> queued;
              {
                ThreadPool pool({.threads = 1});
                std::promise<void> begun;
                running = pool.submit(alice(), [&](const std::stop_token& stop) {
                  begun.set_value();
                  while (!stop.stop_requested()) std::this_thread::yield();
                  return uid_now();
                });
                begun.get_future().wait();
                queued = pool.submit(bob(), [](const std::stop_token& stop) { return stop.stop_requested(); });
              }
              must_equal(running.get(), alice_id, "what ran");
              must(queued.get(), "what was queued was not told");
            }),
            "");
}

// A worker's thread-local objects are destroyed when it serves no more.
TEST(A_pool_that_ends, takes_no_work_of_a_worker_that_has_ended) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              static std::optional<Error::Reason> refused;
              struct Late {
                ThreadPool* pool = nullptr;
                ~Late() {
                  refused = reason_of([&] { (void)pool->submit([] {}); });
                }
              };
              {
                ThreadPool pool({.threads = 1});
                pool.submit([&] {
                      static thread_local Late late;
                      late.pool = &pool;
                    })
                    .get();
              }
              must(refused == Error::Reason::cancelled, "it was taken, and nobody is there to run it");
            }),
            "");
}

TEST(A_task, that_is_asked_to_stop_before_it_starts_is_not_run) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              Gate gate;
              gate.hold(pool);
              std::stop_source stop;
              uid_t destroyed = nobody_yet;
              std::atomic<bool> ran = false;
              auto result = pool.submit(
                  alice(), [&ran, w = Witness(destroyed)] { ran = true; }, stop.get_token());
              auto given = pool.submit(bob(), [](std::stop_token token) { return token.stop_requested(); });
              stop.request_stop();
              gate.open();
              must_be_refused(Error::Reason::cancelled, "the future", [&] { result.get(); });
              must(!ran && destroyed == alice_id, "run, or destroyed as somebody else");
              must(!given.get(), "the pool's own stop token");
              pool.cancel();
              must_equal(pool.submit(bob(), [] { return uid_now(); }).get(), bob_id, "after cancel()");
            }),
            "");
}

// Possession of a key gives access to it, whoever one is (session-keyring(7)).
TEST(A_worker, does_not_go_to_another_user_with_the_keys_of_the_last) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const auto keyring = [] {
                return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
              };
              if (keyring() < 0) return;
              ThreadPool pool({.threads = 1});
              const long of_alice = pool.submit(alice(), keyring).get();
              const long of_bob = pool.submit(bob(), keyring).get();
              const long of_service = pool.submit(keyring).get();
              must(of_alice != of_bob && of_bob != of_service && of_alice != of_service, "a keyring is shared");
              must(pool.submit(as_service, keyring).get() == of_service, "the service's changes for nothing");
            }),
            "");
}

// A handler would run as that user.
TEST(A_worker, goes_to_another_user_with_asynchronous_signals_blocked_whatever_a_task_did_to_its_mask) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              Gate gate;
              gate.hold(pool);
              const auto unblock = [] {
                sigset_t none;
                sigemptyset(&none);
                ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
              };
              const auto blocks_and_unblocks = [unblock] {
                sigset_t mask;
                ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                unblock();
                return sigismember(&mask, SIGTERM) == 1;
              };
              pool.post(as_service, unblock);
              auto alices = pool.submit(alice(), blocks_and_unblocks);
              auto bobs = pool.submit(bob(), blocks_and_unblocks);
              gate.open();
              must(alices.get(), "after the service's");
              must(bobs.get(), "after another user's");
            }),
            "");
}

TEST(A_pool, that_cannot_start_its_workers_is_not_there) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::account);
              on_thread([] {
                const rlimit none{0, 0};
                must(::setrlimit(RLIMIT_NPROC, &none) == 0, "setrlimit");
                must_be_refused(Error::Reason::out_of_resources, "the pool", [] { ThreadPool pool({.threads = 2}); });
              });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
