// task<T>: who a coroutine is, before and after each suspension, and what its threads are meanwhile.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <thread>

#include "behalf/task.h"
#include "behalf/thread.h"
#include "cursed.h"
#include "faulty_calls.h"
#include "gate.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

// Suspends, and gives whoever holds it the means to resume.
struct Elsewhere {
  std::promise<std::coroutine_handle<>>* suspended;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { suspended->set_value(handle); }
  void await_resume() const noexcept {}
};

// Goes on on a thread made for it, as the service.
struct OnOwnThread {
  std::string* worn_meanwhile = nullptr;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    if (worn_meanwhile != nullptr) *worn_meanwhile = threads_that_are_not_root();
    thread(as_service, [handle] { handle.resume(); }).detach();  // a std::thread would be born as a worker's user
  }
  void await_resume() const noexcept {}
};

template <class F>
std::optional<Error::Reason> reason_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.reason();
  }
  return std::nullopt;
}

void must_be_alice() {
  const std::string wrong = difference(alice());
  must(wrong.empty(), wrong);
}

task<int> hops(ThreadPool& pool, int times) {
  std::string worn;
  for (int i = 0; i < times; ++i) {
    must_be_alice();
    co_await OnOwnThread{&worn};
    // The first time it leaves a thread of the service's; later a worker, which keeps what it wears until it sleeps.
    must(i > 0 || worn.empty(), "while it waits: " + worn);
    must_be_alice();
    co_await schedule(pool);
    must_be_alice();
  }
  co_return times;
}

TEST(A_task, is_its_maker_after_each_suspension_and_no_thread_is_meanwhile) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              on_thread([&] {
                auto counting = [&] {
                  const Impersonation as{alice()};
                  return hops(pool, 50);
                }();
                must_equal(sync_wait(std::move(counting)), 50, "result");
                must_equal(uid_now(), uid_t{0}, "the thread that waited");
              });
              pool.wait_until_idle();
              const std::string worn = threads_that_are_not_root();
              must(worn.empty(), worn);
            }),
            "");
}

task<uid_t> who(uid_t* destroyed = nullptr) {
  std::optional<Witness> witness;
  if (destroyed != nullptr) witness.emplace(*destroyed);
  co_return uid_now();
}

task<void> awaits_others() {
  must_be_alice();
  must_equal(co_await who(), alice_id, "an inner task");
  must_equal(co_await who().as(bob()), bob_id, "bob's task");
  must_be_alice();
  must_equal(co_await who().as(as_service), uid_t{0}, "the service's task");
  must_be_alice();
}

TEST(A_task, that_awaits_another_is_itself_again_afterwards) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                sync_wait(awaits_others().as(alice()));
                must_equal(uid_now(), uid_t{0}, "afterwards");
              });
            }),
            "");
}

task<void> made_inside_of_alice(int& made) {
  // Called here, so that it captures alice.
  for (int i = 0; i < 10; ++i) made += co_await who() == alice_id;
}

TEST(Tasks_of_one_identity, that_await_each_other_make_no_system_call) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation warm{bob()};
                int as_alice = 0;
                arm({});
                sync_wait(made_inside_of_alice(as_alice).as(alice()));
                const long for_ten = disarm().calls;
                must_equal(as_alice, 10, "as alice");
                arm({});
                { const Impersonation once{alice()}; }
                const long for_one = disarm().calls;
                // One to run it, one to destroy its frame.
                must(for_ten <= 2 * for_one,
                     std::to_string(for_ten) + " calls where a switch takes " + std::to_string(for_one));
              });
            }),
            "");
}

task<void> impersonates(ThreadPool& pool, bool& done) {
  must_be_alice();
  {
    const Impersonation as{bob()};
    co_await schedule(pool);
    must_equal(uid_now(), bob_id, "in the inner scope");
    {
      const AsService self;
      co_await OnOwnThread{};
      must_equal(uid_now(), uid_t{0}, "in the innermost scope");
      must_equal(co_await who().as(alice()), alice_id, "a task awaited from there");
      must_equal(uid_now(), uid_t{0}, "in the innermost scope, after it");
    }
    must_equal(uid_now(), bob_id, "in the inner scope again");
    co_await schedule(pool);
    must_equal(uid_now(), bob_id, "in the inner scope, on the pool");
  }
  must_be_alice();
  done = true;
}

TEST(An_impersonation_in_a_task, belongs_to_the_coroutine_and_not_to_the_thread) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 2});
              bool done = false;
              on_thread([&] { sync_wait(impersonates(pool, done).as(alice())); });
              must(done, "it did not run to its end");
              pool.wait_until_idle();
              must_equal(pool.counts().strayed, std::uint64_t{0}, "strayed");
              const std::string worn = threads_that_are_not_root();
              must(worn.empty(), worn);
            }),
            "");
}

task<void> throws(ThreadPool& pool) {
  co_await schedule(pool);
  throw std::runtime_error("as alice");
}

task<uid_t> catches(ThreadPool& pool) {
  try {
    co_await throws(pool).as(alice());
  } catch (const std::runtime_error&) {
    co_return uid_now();
  }
  co_return nobody_yet;
}

TEST(An_exception, of_a_task_arrives_in_the_one_that_awaits_it_as_its_own_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 2});
              on_thread([&] { must_equal(sync_wait(catches(pool).as(bob())), bob_id, "caught as"); });
              auto later = behalf::start(pool, throws(pool).as(alice()));
              bool thrown = false;
              try {
                later.get();
              } catch (const std::runtime_error&) {
                thrown = true;
              }
              must(thrown, "nothing came to the future");
            }),
            "");
}

TEST(A_task, that_is_never_started_is_destroyed_as_its_maker) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t destroyed = nobody_yet;
              on_thread([&] {
                auto never = [](Witness) -> task<void> { co_return; }(Witness(destroyed)).as(alice());
                destroyed = nobody_yet;
              });
              must_equal(destroyed, alice_id, "its parameter was destroyed as");
            }),
            "");
}

// To have a result destroyed may be work too: of a guard that removes her files, say.
TEST(The_result_of_a_task, that_nobody_waits_for_is_destroyed_as_its_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t destroyed = nobody_yet;
              std::promise<std::coroutine_handle<>> suspended;
              {
                ThreadPool pool({.threads = 1});
                const auto makes = [](auto* at, uid_t* end) -> task<Witness> {
                  co_await Elsewhere{at};
                  co_return Witness(*end);
                };
                (void)behalf::start(pool, makes(&suspended, &destroyed).as(alice()));
                pool.wait_until_idle();
              }
              on_thread([&] { suspended.get_future().get().resume(); });
              must_equal(destroyed, alice_id, "the result was destroyed as");
            }),
            "");
}

// As GCC compiles it with optimization and without a sanitizer; otherwise each is a call within a call.
#if defined(__clang__) || (defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__))
// Three ways of saying "not now, but at once".
struct Declines {
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
  void await_resume() const noexcept {}
};
struct Returns {
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> same) const noexcept { return same; }
  void await_resume() const noexcept {}
};
struct Throws {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const { throw std::runtime_error("no"); }
  void await_resume() const noexcept {}
};

// Another library's coroutine, which begins when it is awaited, and goes on with who awaits it when it ends.
struct Lazy {
  struct Final {
    std::coroutine_handle<> next;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept { return next; }
    void await_resume() const noexcept {}
  };
  struct promise_type {
    Lazy get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {next}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
    std::coroutine_handle<> next;
  };
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> who) const noexcept {
    body.promise().next = who;
    return body;
  }
  void await_resume() const noexcept { body.destroy(); }
  std::coroutine_handle<promise_type> body;
};

TEST(Tasks, that_go_on_at_once_take_no_room_on_the_stack) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const auto one = []() -> task<int> { co_return 1; };
                const auto all = [&](Carried other, int many) -> task<int> {
                  int sum = 0;
                  for (int i = 0; i < many; ++i) sum += co_await one().as(other);
                  co_return sum;
                };
                must_equal(sync_wait(all(Carried(alice()), 200'000).as(alice())), 200'000, "of one identity");
                must_equal(sync_wait(all(Carried(as_service), 50'000).as(alice())), 50'000, "of two");

                const std::function<task<int>(int)> deep = [&](int more) -> task<int> {
                  if (more == 0) co_return 0;
                  co_return 1 + co_await deep(more - 1);
                };
                must_equal(sync_wait(deep(100'000).as(alice())), 100'000, "within each other");

                const auto others = [&](int many) -> task<int> {
                  int thrown = 0;
                  for (int i = 0; i < many; ++i) {
                    co_await Declines();
                    co_await Returns();
                    try {
                      co_await Throws();
                    } catch (const std::runtime_error&) {
                      ++thrown;
                    }
                    must_equal(uid_now(), alice_id, "who goes on");
                  }
                  co_return thrown;
                };
                const Impersonation as{alice()};  // so that no suspension costs a switch
                must_equal(sync_wait(others(100'000)), 100'000, "awaitables of others");
                const auto coroutines = [](int many) -> task<int> {
                  const auto lazy = []() -> Lazy { co_return; };
                  for (int i = 0; i < many; ++i) co_await lazy();
                  co_return many;
                };
                must_equal(sync_wait(coroutines(2'000'000)), 2'000'000, "coroutines of others");
              });
            }),
            "");
}
#endif

// A task that waits, and whose identity is then refused: not one line of it may run.
TEST(A_task, whose_identity_cannot_be_worn_again_does_not_go_on_as_anybody) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              curse_is_on = false;
              on_thread([] {
                std::promise<std::coroutine_handle<>> suspended;
                bool went_on = false;
                uid_t destroyed = nobody_yet;
                uid_t caught_as = nobody_yet;
                auto inner = [](std::promise<std::coroutine_handle<>>* at, bool* on, uid_t* end) -> task<void> {
                  const Witness witness(*end);
                  try {
                    co_await Elsewhere{at};
                    *on = true;
                  } catch (...) {
                    *on = true;
                  }
                };
                auto outer = [&](task<void> awaited) -> task<void> {
                  try {
                    co_await std::move(awaited);
                  } catch (const Error&) {
                    caught_as = uid_now();
                  }
                };
                std::thread resumer([&] {
                  const std::coroutine_handle<> handle = suspended.get_future().get();
                  curse_is_on = true;
                  handle.resume();
                });
                sync_wait(outer(inner(&suspended, &went_on, &destroyed).as(cursed())).as(alice()));
                resumer.join();
                must(!went_on, "it went on");
                must_equal(caught_as, alice_id, "the task that awaited it got the error as");
                must_equal(destroyed, nobody_yet, "its local was destroyed as");
                must_equal(abandoned(), std::size_t{1}, "kept");
                curse_is_on = false;
                must_equal(destroy_abandoned(), std::size_t{0}, "kept in the end");
                must_equal(destroyed, cursed_id, "its local was destroyed as");
              });
            }),
            "");
}

// What a scope of the body was held open for is no more to be destroyed as the task's own identity, here the service,
// than to be done as it.
TEST(A_task, whose_scope_cannot_be_worn_again_is_not_destroyed_without_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              curse_is_on = false;
              on_thread([] {
                std::promise<std::coroutine_handle<>> suspended;
                bool went_on = false;
                uid_t destroyed = nobody_yet;
                uid_t destroyed_outside = nobody_yet;
                const auto waits = [&]() -> task<void> {
                  const Witness outside(destroyed_outside);
                  const Impersonation as_alice{alice()};
                  const Impersonation as{cursed()};
                  const Witness witness(destroyed);
                  co_await Elsewhere{&suspended};
                  went_on = true;
                };
                std::optional<Error::Reason> told;
                const auto awaits = [&](task<void> awaited) -> task<void> {
                  try {
                    co_await std::move(awaited);
                  } catch (const Error& error) {
                    told = error.reason();
                  }
                };
                std::thread resumer([&] {
                  const std::coroutine_handle<> handle = suspended.get_future().get();
                  curse_is_on = true;
                  handle.resume();
                });
                sync_wait(awaits(waits().as(as_service)).as(as_service));
                must(told == Error::Reason::out_of_resources, "nobody was told");
                resumer.join();
                must(!went_on, "it went on");
                must_equal(destroyed, nobody_yet, "what is in the scope was destroyed as");
                must_equal(abandoned(), std::size_t{1}, "kept");
                must_equal(destroy_abandoned(), std::size_t{1}, "kept while it cannot be worn");
                must_equal(destroyed, nobody_yet, "what is in the scope was destroyed as");
                curse_is_on = false;
                must_equal(destroy_abandoned(), std::size_t{0}, "kept in the end");
                must_equal(destroyed, cursed_id, "what is in the scope was destroyed as");
                must_equal(destroyed_outside, uid_t{0}, "what is outside of it was destroyed as");
                must_equal(uid_now(), uid_t{0}, "afterwards the thread is");
              });
            }),
            "");
}

TEST(A_task, whose_identity_a_pool_cannot_take_fails_and_its_future_gets_the_error) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              ThreadPool pool({.threads = 1});
              auto failed = behalf::start(pool, who().as(cursed()));
              must(reason_of([&] { failed.get(); }) == Error::Reason::out_of_resources, "the future");
              auto scheduled = behalf::start(pool,
                                             [](ThreadPool& to) -> task<void> {
                                               curse_is_on = false;
                                               co_await [](ThreadPool& again) -> task<void> {
                                                 curse_is_on = true;
                                                 co_await schedule(again);
                                               }(to)
                                                                                     .as(cursed());
                                             }(pool)
                                                                       .as(alice()));
              must(reason_of([&] { scheduled.get(); }) == Error::Reason::out_of_resources, "the second future");
            }),
            "");
}

task<void> until_stopped(ThreadPool& pool, std::atomic<int>& stopped) {
  const std::stop_token stop = co_await own_stop_token();
  while (!stop.stop_requested()) std::this_thread::yield();
  must_be_alice();
  ++stopped;
  co_await schedule(pool);  // throws: it has been asked to stop
  stopped += 100;
}

TEST(A_task, that_is_asked_to_stop_sees_it_and_does_not_go_to_a_pool_any_more) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 2});
              std::stop_source stop;
              std::atomic<int> stopped = 0;
              auto ended = behalf::start(pool, until_stopped(pool, stopped).as(alice()), stop.get_token());
              stop.request_stop();
              must(reason_of([&] { ended.get(); }) == Error::Reason::cancelled, "the future");
              must(stopped <= 1, "it went on");
            }),
            "");
}

task<uid_t> on(ThreadPool& pool) {
  co_await schedule(pool);
  co_return uid_now();
}

task<void> fails_soon(ThreadPool& pool) {
  co_await schedule(pool);
  throw std::runtime_error("the first to fail");
}

TEST(When_all, awaits_tasks_of_several_identities_each_as_its_own) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 3});
              on_thread([&] {
                const Impersonation as{bob()};
                const auto [a, s, b] = sync_wait(when_all(on(pool).as(alice()), on(pool).as(as_service), on(pool)));
                must(a == alice_id && s == 0 && b == bob_id, "somebody else");
                std::vector<task<uid_t>> many;
                for (int i = 0; i < 100; ++i) many.push_back(on(pool).as(i % 2 == 0 ? alice() : bob()));
                const std::vector<uid_t> all = sync_wait(when_all(std::move(many)));
                for (std::size_t i = 0; i < 100; ++i) must_equal(all[i], i % 2 == 0 ? alice_id : bob_id, "one of many");
                must_equal(uid_now(), bob_id, "the thread that waited");
              });
            }),
            "");
}

TEST(When_all, asks_the_others_to_stop_when_one_fails_and_tells_the_failure) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 3});
              std::atomic<int> stopped = 0;
              on_thread([&] {
                bool thrown = false;
                try {
                  sync_wait(when_all(fails_soon(pool).as(bob()),
                                     [](ThreadPool& to, std::atomic<int>& n) -> task<void> {
                                       co_await schedule(to);
                                       co_await until_stopped(to, n);
                                     }(pool, stopped)
                                                                                    .as(alice())));
                } catch (const std::runtime_error& error) {
                  thrown = std::string{error.what()} == "the first to fail";
                }
                must(thrown, "another failure was told");
              });
              must(stopped <= 1, "the other one went on");
            }),
            "");
}

TEST(A_pool_that_cancels, lets_every_task_in_it_end) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::vector<std::future<uid_t>> ends;
              {
                ThreadPool pool({.threads = 1, .at_end = ThreadPoolOptions::AtEnd::cancel});
                Gate gate;
                gate.hold(pool);
                for (int i = 0; i < 20; ++i) {
                  ends.push_back(behalf::start(pool, on(pool).as(i % 2 == 0 ? alice() : bob())));
                }
                pool.cancel();
                gate.open();
              }
              for (auto& end : ends) {
                must(reason_of([&] { end.get(); }) == Error::Reason::cancelled, "a future");
              }
            }),
            "");
}

TEST(A_task, on_the_main_thread_says_what_to_do) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              must(reason_of([] { sync_wait(who().as(alice())); }) == Error::Reason::main_thread, "refused");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
