// bind(): work and its captures are run and destroyed as whoever made it.
#include <gtest/gtest.h>

#include <future>

#include "behalf/bind.h"
#include "faulty_calls.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

// A callable that notes as whom it ran, and as whom its capture was destroyed.
auto noting(uid_t& ran, uid_t& destroyed) {
  return [&ran, witness = Witness(destroyed)] { ran = uid_now(); };
}

TEST(A_bound_callable, runs_and_is_destroyed_as_its_maker_and_gives_the_thread_back) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                uid_t ran = nobody_yet;
                uid_t destroyed = nobody_yet;
                auto bound = [&] {
                  const Impersonation as{alice()};
                  return bind(noting(ran, destroyed));
                }();
                on_thread([&] {
                  const KernelView before = kernel_view();
                  bound();
                  must_equal(ran, alice_id, "ran as");
                  must_be(kernel_view(), before, "after the call");
                  { auto end = std::move(bound); }
                  must_equal(destroyed, alice_id, "destroyed as");
                  must_be(kernel_view(), before, "after the destruction");
                });
              });
            }),
            "");
}

TEST(A_bound_callable, is_destroyed_as_its_maker_within_its_last_call) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                uid_t ran = nobody_yet;
                uid_t destroyed = nobody_yet;
                auto bound = bind(alice(), noting(ran, destroyed));
                std::move(bound)();
                must(ran == alice_id && destroyed == alice_id, "not both as alice");
                // NOLINTNEXTLINE(bugprone-use-after-move): that is what is asked
                must(!bound, "still there after its last call");
              });
            }),
            "");
}

TEST(A_bound_callable, that_is_never_called_is_destroyed_as_its_maker) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t ran = nobody_yet;
              uid_t destroyed = nobody_yet;
              on_thread([&] { auto bound = bind(alice(), noting(ran, destroyed)); });
              must_equal(destroyed, alice_id, "destroyed as");
              must_equal(ran, nobody_yet, "ran as");
              destroyed = nobody_yet;
              { auto on_the_main_thread = bind(bob(), noting(ran, destroyed)); }
              must_equal(destroyed, bob_id, "destroyed from the main thread as");
              must_equal(uid_now(), uid_t{0}, "the main thread");
            }),
            "");
}

TEST(A_bound_callable, carries_the_service_out_of_an_impersonation_only_by_name) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation as{alice()};
                must_equal(bind(as_service, [] { return uid_now(); })(), uid_t{0}, "as_service");
                must_equal(bind(bob(), [] { return uid_now(); })(), bob_id, "bob's");
                must_equal(bind([] { return uid_now(); })(), alice_id, "the maker's");
              });
            }),
            "");
}

TEST(A_bound_callable, gives_the_thread_back_after_an_exception) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const KernelView before = kernel_view();
                auto bound = bind(alice(), [] { throw std::runtime_error("as alice"); });
                bool thrown = false;
                try {
                  bound();
                } catch (const std::runtime_error&) {
                  thrown = true;
                  must_be(kernel_view(), before, "in the handler");
                }
                must(thrown, "nothing was thrown");
              });
            }),
            "");
}

TEST(A_bound_callable, goes_with_std_async_deferred) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                std::future<uid_t> result;
                {
                  const Impersonation as{alice()};
                  result = std::async(std::launch::deferred, bind([] { return uid_now(); }));
                }
                must_equal(result.get(), alice_id, "ran as");
              });
            }),
            "");
}

TEST(A_bound_callable, whose_identity_cannot_be_taken_is_neither_run_nor_destroyed_as_anybody_else) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                uid_t ran = nobody_yet;
                uid_t destroyed = nobody_yet;
                { const Impersonation warm{bob()}; }
                {
                  auto bound = bind(alice(), noting(ran, destroyed));
                  arm({.first = 1, .error = EAGAIN});
                  bool refused = false;
                  try {
                    bound();
                  } catch (const Error&) {
                    refused = true;
                  }
                  must(disarm().hit && refused && ran == nobody_yet, "it was run");
                  arm({.first = 1, .error = EAGAIN});
                }
                must(disarm().hit, "no fault at the destruction");
                must_equal(destroyed, nobody_yet, "destroyed as");
                must_equal(abandoned(), std::size_t{1}, "kept");
                must_equal(destroy_abandoned(), std::size_t{0}, "kept after another try");
                must_equal(destroyed, alice_id, "destroyed as");
              });
            }),
            "");
}

TEST(Work_submitted_before_initialize, is_run_as_it_is_until_initialize_is_called) {
  EXPECT_EQ(in_own_process([] {
              auto early = bind([] { return uid_now(); });
              must_equal(early(), uid_t{0}, "ran as");
              start(ServiceKind::root);
              bool refused = false;
              try {
                (void)early();
              } catch (const Error& error) {
                refused = error.reason() == Error::Reason::not_initialized;
              }
              must(refused, "it was run after initialize()");
            }),
            "");
}

TEST(A_thread_in_a_state_that_cannot_be_worn, cannot_submit_work) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                ::syscall(SYS_setresuid, 7, 8, 0);
                bool refused = false;
                try {
                  (void)bind([] {});
                } catch (const Error& error) {
                  refused = error.reason() == Error::Reason::level_too_low;
                }
                must(refused, "it was accepted");
              });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
