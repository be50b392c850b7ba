// A task that leaves its worker as somebody else.
#include <gtest/gtest.h>

#include <optional>

#include "behalf/thread_pool.h"
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

TEST(A_task_that_strays, is_told_of_and_the_next_runs_as_its_own_user) {
  for (const Fault& fault : faults) {
    for (const bool as_user : {true, false}) {
      if (!as_user && !fault.seen_by_memo && fault.name != "setgroups") continue;  // the service may be the service
      EXPECT_EQ(in_own_process([&] {
                  start(ServiceKind::root);
                  ThreadPool pool(options(Check::kernel, WhenStrayed::reset));
                  const auto who = as_user ? Carried(alice()) : Carried(as_service);
                  const Place here = Place::here();
                  pool.submit(who, fault.commit).get();
                  must(told.has_value(), fault.name + " was not told of");
                  must_equal(told->task.line, here.line, "the task");
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

TEST(A_task_that_strays, ends_the_process_where_that_is_wanted_and_is_named) {
  for (const Fault& fault : faults) {
    const ChildEnd end = in_child([&] {
      start(ServiceKind::root);
      ThreadPool pool(options(Check::kernel, WhenStrayed::end_process));
      pool.submit(alice(), fault.commit).get();
    });
    EXPECT_TRUE(end.exited && end.status == 70) << fault.name << ": " << end.failure;
    EXPECT_NE(end.said.find("stray_test.cc"), std::string::npos) << end.said;
  }
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
