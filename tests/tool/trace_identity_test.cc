// With whose credentials effects are recorded: compared with what the trap itself found right after. Each test runs
// over both ways of asking the kernel: by pidfd, and by /proc alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "trap_run.h"

namespace behalf::tool::testing {
namespace {

using ::testing::SizeIs;

// As trap::who_am_i writes it.
std::string in_words(const Credentials& c) {
  const auto ids = [](const Ids& four) {
    return fmt::format("{} {} {} {}", four.real, four.effective, four.saved, four.fs);
  };
  std::string line =
      fmt::format("uid {} gid {} eff {:016x} prm {:016x} groups", ids(c.uid), ids(c.gid), c.effective, c.permitted);
  for (const gid_t group : c.groups) line += fmt::format(" {}", group);
  return line;
}

class Credentials_of_effects : public ::testing::TestWithParam<bool> {
 protected:
  TracerOptions options() const {
    TracerOptions chosen;
    chosen.ignore_pidfd_info = GetParam();
    return chosen;
  }
};
INSTANTIATE_TEST_SUITE_P(both_ways, Credentials_of_effects, ::testing::Values(false, true),
                         [](const auto& way) { return way.param ? "from_proc" : "by_pidfd"; });

TEST_P(Credentials_of_effects, are_what_the_thread_finds_itself_after_every_kind_of_change) {
  TrapRun run(options());
  run.start({.program = "changes_credentials"});
  ASSERT_TRUE(run.to_the_end());
  ASSERT_TRUE(run.status());
  ASSERT_EQ(*run.status(), 0);
  std::istringstream lines(run.output());
  int steps = 0;
  for (std::string name, found; lines >> name && std::getline(lines >> std::ws, found); ++steps) {
    const Effect effect = run.effect_on("/trap/" + name);
    EXPECT_EQ(in_words(run.as(effect)), found) << name;
  }
  EXPECT_EQ(steps, 17);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Credentials_of_effects, keep_to_their_thread_when_a_raw_call_changes_one) {
  TrapRun run(options());
  run.start({.program = "wrapper_seteuid", .words = {"raw"}});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_EQ(run.as(run.effect_on("/trap/caller")).uid, (Ids{0, 3001, 0, 3001}));
  const auto others = run.effects_on("/trap/bystander");
  EXPECT_THAT(others, SizeIs(3));
  for (const Effect& effect : others) EXPECT_EQ(run.as(effect).uid, (Ids{0, 0, 0, 0}));
  EXPECT_THAT(run.tracer.identity_calls(), SizeIs(1));
  EXPECT_FALSE(run.tracer.identity_calls().front().broadcast);
}

TEST_P(Credentials_of_effects, change_in_all_threads_with_glibc_s_seteuid_and_the_broadcast_is_seen) {
  TrapRun run(options());
  run.start({.program = "wrapper_seteuid", .words = {"glibc"}});
  ASSERT_TRUE(run.to_the_end());
  for (const char* object : {"/trap/caller", "/trap/bystander"})
    for (const Effect& effect : run.effects_on(object))
      EXPECT_EQ(run.as(effect).uid, (Ids{0, 3001, 0, 3001})) << object;
  std::map<int, bool> calls;  // thread, broadcast
  for (const IdentityCall& call : run.tracer.identity_calls()) {
    EXPECT_TRUE(calls.emplace(call.thread, call.broadcast).second) << "thread " << call.thread << " twice";
    EXPECT_EQ(call.call, "setresuid");
  }
  EXPECT_EQ(calls, (std::map<int, bool>{{0, false}, {1, true}, {2, true}, {3, true}}));
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Credentials_of_effects, of_an_execve_are_those_that_the_new_program_has) {
  TrapRun run(options());
  run.start({.program = "changes_and_execs", .words = {trap_path("says_who")}});
  ASSERT_TRUE(run.to_the_end());
  const Effect failed = run.effect_on("/trap/no-such-program");
  EXPECT_EQ(failed.decides, Decides::program);
  EXPECT_EQ(failed.result, -ENOENT);
  EXPECT_EQ(run.as(failed).uid, (Ids{3001, 3002, 0, 3002}));
  const Effect done = run.effect_on(trap_path("says_who"));
  EXPECT_EQ(done.result, 0);
  EXPECT_EQ(run.as(done).uid, (Ids{3001, 3002, 3002, 3002}));
  EXPECT_EQ(run.tracer.threads().front().program, trap_path("says_who"));
  EXPECT_EQ(in_words(run.as(run.effect_on("/trap/after-exec"))) + "\n", run.output());
  EXPECT_EQ(in_words(run.as(done)) + "\n", run.output());
}

TEST_P(Credentials_of_effects, are_not_confused_by_a_number_that_is_used_again) {
  TrapRun run(options());
  run.start({.program = "reuses_a_number"});
  ASSERT_TRUE(run.to_the_end());
  ASSERT_EQ(run.status(), 0);
  const Effect first = run.effect_on("/trap/first"), second = run.effect_on("/trap/second");
  EXPECT_EQ(run.as(first).uid.fs, 3001U);
  EXPECT_EQ(run.as(second).uid.fs, 3002U);
  EXPECT_NE(first.thread, second.thread);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Credentials_of_effects, of_a_new_thread_are_its_maker_s) {
  TrapRun run(options());
  run.start({.program = "changes_credentials"});
  ASSERT_TRUE(run.to_the_end());
  const Thread& thread =
      run.tracer.threads().at(static_cast<std::size_t>(run.effect_on("/trap/thread-of-alice").thread));
  EXPECT_EQ(run.tracer.credentials()[thread.born_as].uid, (Ids{0, 3001, 0, 3001}));
  EXPECT_EQ(thread.birth, Birth::thread);
  EXPECT_EQ(thread.parent, 0);
}

}  // namespace
}  // namespace behalf::tool::testing
