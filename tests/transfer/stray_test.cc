// A task that leaves its worker as somebody else.
#include <gtest/gtest.h>

#include <sys/prctl.h>

#include <chrono>
#include <csignal>
#include <optional>

#include "behalf/thread_pool.h"
#include "cursed.h"
#include "gate.h"
#include "identity/credentials.h"
#include "refused.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using Check = ThreadPoolOptions::Check;
using WhenStrayed = ThreadPoolOptions::WhenStrayed;

struct Fault {
  std::string name;
  void (*commit)();
  bool seen_by_memo;
};

void leave_a_scope() {
  // What no code should do: the scope outlives the block.
  alignas(Impersonation) static char place[sizeof(Impersonation)];
  ::new (static_cast<void*>(place)) Impersonation(bob());
}

const Fault faults[] = {
    {"setresuid", [] { ::syscall(SYS_setresuid, 0, 0, 0); }, false},
    {"setfsuid", [] { (void)::syscall(SYS_setresuid, -1, 0, -1), (void)::syscall(SYS_setfsuid, 0); }, false},
    {"setgroups",
     [] {
       const Ids was = Token::of_thread().uids();
       const gid_t zero = 0;
       ::syscall(SYS_setresuid, -1, 0, -1);
       ::syscall(SYS_setgroups, 1, &zero);
       ::syscall(SYS_setresuid, was.real, was.effective, was.saved);
     },
     false},
    {"a scope", leave_a_scope, true},
};

std::optional<Strayed> told;

ThreadPoolOptions options(Check check, WhenStrayed when) {
  told.reset();
  return {
      .threads = 1, .check = check, .when_strayed = when, .on_strayed = [](const Strayed& it) noexcept { told = it; }};
}

class A_task_that_strays : public ::testing::TestWithParam<Check> {};

TEST_P(A_task_that_strays, is_told_of_and_the_next_runs_as_its_own_user) {
  for (const Fault& fault : faults) {
    for (const bool as_user : {true, false}) {
      if (!as_user && !fault.seen_by_memo && fault.name != "setgroups") continue;  // the service may be the service
      EXPECT_EQ(in_own_process([&] {
                  start(ServiceKind::root);
                  ThreadPool pool(options(GetParam(), WhenStrayed::reset));
                  const auto who = as_user ? Carried(alice()) : Carried(as_service);
                  for (int i = 0; i < 2; ++i) pool.submit(who, [] {}).get();  // there has been work
                  pool.submit(who, fault.commit, {}, Place{"it", 1}).get();
                  must(told.has_value(), fault.name + " was not told of");
                  must_equal(told->task.line, 1U, "the task");
                  // Groups that are others may have been so before the wire was cut.
                  const bool may_be_older = fault.name == "setgroups" && as_user && GetParam() == Check::wire;
                  must(told->among == 1 || (may_be_older && told->among <= 3), "among");
                  must_equal(pool.counts().strayed, std::uint64_t{1}, "counted");
                  const std::string wrong = pool.submit(alice(), [] { return difference(alice()); }).get();
                  must(wrong.empty(), fault.name + ": " + wrong);
                  must_equal(pool.submit(as_service, [] { return uid_now(); }).get(), uid_t{0}, "the service's next");
                  pool.wait_until_idle();
                  const std::string wearing = threads_that_are_not_root();
                  must(wearing.empty(), wearing);
                  must_equal(pool.counts().strayed, std::uint64_t{1}, "counted in the end");
                }),
                "");
    }
  }
}

TEST_P(A_task_that_strays, ends_the_process_where_that_is_wanted_and_is_named) {
  for (const Fault& fault : faults) {
    const ChildEnd end = in_child([&] {
      start(ServiceKind::root);
      ThreadPool pool(options(GetParam(), WhenStrayed::end_process));
      pool.submit(alice(), fault.commit).get();
    });
    EXPECT_TRUE(end.exited && end.status == 70) << fault.name << ": " << end.failure;
    EXPECT_NE(end.said.find("stray_test.cc"), std::string::npos) << end.said;
  }
}

INSTANTIATE_TEST_SUITE_P(By, A_task_that_strays, ::testing::Values(Check::wire, Check::kernel),
                         [](const auto& check) { return check.param == Check::wire ? "wire" : "kernel"; });

void raise_capabilities(std::uint64_t effective) {
  detail::CapabilitySets sets;
  must(detail::get_capabilities(detail::kernel_calls, sets) == 0, "capget");
  sets.effective = effective & sets.permitted;
  must(detail::set_capabilities(detail::kernel_calls, sets) == 0, "capset");
}

// What cuts no wire.
const Fault unseen_faults[] = {
    {"real uid", [] { ::syscall(SYS_setresuid, 0, -1, -1); }, false},
    {"real gid", [] { ::syscall(SYS_setresgid, 0, -1, -1); }, false},
    {"saved gid", [] { ::syscall(SYS_setresgid, -1, -1, alice_id); }, false},
    {"setgroups by capabilities",
     [] {
       raise_capabilities(~std::uint64_t{0});
       ::syscall(SYS_setgroups, 0, nullptr);
       raise_capabilities(0);
     },
     false},
};

TEST(What_cuts_no_wire, is_found_at_the_end_of_the_run_and_the_next_runs_as_its_own_user) {
  for (const Fault& fault : unseen_faults) {
    for (const int more : {0, 5}) {
      for (const bool another_is_next : {false, true}) {
        EXPECT_EQ(in_own_process([&] {
                    start(ServiceKind::root);
                    ThreadPool pool(options(Check::wire, WhenStrayed::reset));
                    Gate gate;
                    gate.hold(pool);
                    const auto nothing = [] {};
                    Place last{"it", 1};
                    pool.post(alice(), fault.commit, last);
                    for (int i = 0; i < more; ++i) {
                      ++last.line;
                      pool.post(alice(), nothing, last);
                    }
                    std::future<std::string> wrong;
                    if (another_is_next) wrong = pool.submit(bob(), [] { return difference(bob()); });
                    gate.open();
                    pool.wait_until_idle();
                    must(told.has_value(), fault.name + " was not told of");
                    must_equal(told->task.line, last.line, fault.name + ": the task");
                    // The clock may tick in between, and the kernel be asked for all before the last.
                    must(told->among >= 1 && told->among <= 1U + static_cast<unsigned>(more), "among");
                    must_equal(pool.counts().strayed, std::uint64_t{1}, "counted");
                    if (another_is_next) must(wrong.get().empty(), fault.name + ": bob's is another");
                    const std::string hers = pool.submit(alice(), [] { return difference(alice()); }).get();
                    must(hers.empty(), fault.name + ": " + hers);
                  }),
                  "");
      }
    }
  }
}

TEST(What_cuts_no_wire, is_found_after_the_task_in_which_the_clock_ticked) {
  for (const Fault& fault : unseen_faults) {
    EXPECT_EQ(in_own_process([&] {
                start(ServiceKind::root);
                ThreadPool pool(options(Check::wire, WhenStrayed::reset));
                Gate gate;
                gate.hold(pool);
                const auto strays = [&] {
                  fault.commit();
                  std::this_thread::sleep_for(std::chrono::milliseconds(25));
                };
                const auto nothing = [] {};
                pool.post(alice(), strays, Place{"it", 1});
                for (unsigned line = 2; line < 5; ++line) pool.post(alice(), nothing, Place{"it", line});
                gate.open();
                pool.wait_until_idle();
                must(told.has_value(), fault.name + " was not told of");
                must_equal(told->task.line, 1U, fault.name + ": the task");
                must_equal(told->among, 1U, "among");
              }),
              "");
  }
}

TEST(Capabilities_that_a_task_left_raised, are_dropped_before_the_next_task_where_nothing_else_was_asked_for) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              Gate gate;
              gate.hold(pool);
              pool.post(alice(), [] { raise_capabilities(~std::uint64_t{0}); });
              auto next = pool.submit(alice(), [] { return kernel_view().effective; });
              gate.open();
              must_equal(next.get(), std::uint64_t{0}, "of the next task");
            }),
            "");
}

// They are no other identity, and are put right without a word.
TEST(Capabilities_that_a_task_left_raised, are_dropped_at_the_latest_after_so_many_tasks_and_at_the_end_of_the_run) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool(options(Check::wire, WhenStrayed::reset));
              Gate gate;
              gate.hold(pool);
              pool.post(alice(), [] { raise_capabilities(~std::uint64_t{0}); });
              for (int i = 0; i < 32; ++i) pool.post(alice(), [] {});
              auto later = pool.submit(alice(), [] {
                const std::uint64_t found = kernel_view().effective;
                raise_capabilities(~std::uint64_t{0});
                return found;
              });
              auto of_bob = pool.submit(bob(), [] { return kernel_view().effective; });
              gate.open();
              must_equal(later.get(), std::uint64_t{0}, "of a later task");
              must_equal(of_bob.get(), std::uint64_t{0}, "of the next user's");
              must(!told, "told of");
            }),
            "");
}

TEST(A_task_that_impersonates_within, has_not_strayed_and_what_comes_after_it_is_seen) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool(options(Check::wire, WhenStrayed::reset));
              Gate gate;
              gate.hold(pool);
              for (int i = 0; i < 3; ++i) {
                pool.post(alice(), [] {
                  const Impersonation as{bob()};
                  const AsService self;
                });
              }
              auto strays = pool.submit(alice(), faults[0].commit, {}, Place{"it", 1});
              gate.open();
              strays.get();
              must(told.has_value() && told->among == 1, "not told of");
              must_equal(told->task.line, 1U, "the task");
              must_equal(pool.counts().strayed, std::uint64_t{1}, "counted");
            }),
            "");
}

// The thread is the library's, but the signal is the task's.
TEST(A_task_that_sets_a_parent_death_signal, keeps_it_and_the_kernel_is_asked_for_all_instead) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool(options(Check::wire, WhenStrayed::reset));
              Gate gate;
              gate.hold(pool);
              pool.post(alice(), [] { ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGTERM, 0L, 0L, 0L); });
              auto strays = pool.submit(alice(), [] {
                int signal = 0;
                ::syscall(SYS_prctl, PR_GET_PDEATHSIG, &signal, 0L, 0L, 0L);
                ::syscall(SYS_setresuid, 0, -1, -1);
                return signal;
              });
              gate.open();
              must_equal(strays.get(), SIGTERM, "its signal");
              must(told.has_value() && told->among == 1, "not told of");
            }),
            "");
}

TEST(The_result_of_a_task_that_strays, is_moved_and_destroyed_as_its_user_all_the_same) {
  for (const Fault& fault : faults) {
    EXPECT_EQ(in_own_process([&] {
                start(ServiceKind::root);
                ThreadPool pool(options(Check::kernel, WhenStrayed::reset));
                uid_t destroyed = nobody_yet;
                Gate gate;
                gate.hold(pool);
                (void)pool.submit(alice(), [&] {
                  Witness result(destroyed);
                  fault.commit();
                  return result;
                });
                gate.open();
                pool.wait_until_idle();
                must(told.has_value(), fault.name + " was not told of");
                must_equal(destroyed, alice_id, fault.name + ": destroyed as");
              }),
              "");
  }
}

TEST(The_result_of_a_task_that_strays, is_kept_and_its_future_told_where_its_user_cannot_be_worn_again) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              put_curse();
              curse_is_on = false;
              ThreadPool pool(options(Check::kernel, WhenStrayed::reset));
              uid_t destroyed = nobody_yet;
              auto result = pool.submit(cursed(), [&] {
                Witness hers(destroyed);
                curse_is_on = true;
                ::syscall(SYS_setresuid, 0, 0, 0);
                return hers;
              });
              must(refused(Error::Reason::out_of_resources, [&] { (void)result.get(); }), "the future");
              pool.wait_until_idle();
              must_equal(destroyed, nobody_yet, "destroyed as");
              curse_is_on = false;
              must_equal(destroy_abandoned(), std::size_t{0}, "kept");
              must_equal(destroyed, cursed_id, "destroyed as");
            }),
            "");
}

TEST(The_memo_alone, sees_the_scopes_that_are_left_and_no_system_calls) {
  for (const Fault& fault : faults) {
    EXPECT_EQ(in_own_process([&] {
                start(ServiceKind::root);
                ThreadPool pool(options(Check::memo, WhenStrayed::reset));
                pool.submit(alice(), fault.commit).get();
                must(told.has_value() == fault.seen_by_memo, fault.name);
              }),
              "");
  }
}

}  // namespace
}  // namespace behalf::testing
