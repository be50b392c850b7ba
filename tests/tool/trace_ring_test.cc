// What a program does through io_uring is seen, with its result, and under the identity that the kernel ran it with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "trap_run.h"

namespace behalf::tool::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Ids root = {0, 0, 0, 0}, alice = {0, 3001, 0, 3001}, bob = {0, 3002, 0, 3002};

class Ring_followed : public ::testing::TestWithParam<bool> {
 protected:
  Ring_followed() : run(options()) {}
  static TracerOptions options() {
    TracerOptions chosen;
    chosen.ignore_pidfd_info = GetParam();
    return chosen;
  }
  void follow(const char* way) {
    run.start({.program = "ring_works", .words = {way}});
    ASSERT_TRUE(run.until_marked(2));
    ASSERT_NE(run.tracer.run_until_quiet(200ms, Tracer::Clock::now() + 5s), Tracer::Quiet::busy);
    run.effect_on("/trap/end");
  }
  // The only effect by a ring on that object.
  Effect by_ring(const std::string& object) {
    std::vector<Effect> found;
    for (const Effect& effect : run.tracer.effects())
      if (effect.by_ring && effect.object == object) found.push_back(effect);
    EXPECT_EQ(found.size(), 1U) << object;
    return found.empty() ? Effect{} : found.front();
  }
  TrapRun run;
};
INSTANTIATE_TEST_SUITE_P(both_ways, Ring_followed, ::testing::Values(false, true),
                         [](const auto& way) { return way.param ? "from_proc" : "by_pidfd"; });

TEST_P(Ring_followed, what_is_done_inline_is_the_submitter_s_with_groups_and_results) {
  follow("inline");
  const Effect refused = by_ring("/etc/shadow"), allowed = by_ring("/etc/passwd");
  EXPECT_EQ(refused.call, "io_uring openat");
  EXPECT_EQ(refused.decides, Decides::fs);
  EXPECT_TRUE(refused.finished);
  EXPECT_EQ(refused.result, -EACCES);
  EXPECT_TRUE(allowed.finished);
  EXPECT_GE(allowed.result, 0);
  EXPECT_EQ(run.as(refused).uid, alice);
  EXPECT_THAT(run.as(refused).groups, ElementsAre(3001, 3100));
  EXPECT_FALSE(refused.deferred);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, what_a_kernel_worker_does_is_the_submitter_s_even_after_it_reverts) {
  follow("async");
  const Effect effect = by_ring("/etc/shadow");
  EXPECT_EQ(effect.result, -EACCES);
  EXPECT_EQ(run.as(effect).uid, alice);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, a_personality_is_whom_the_request_runs_as) {
  follow("personality");
  EXPECT_EQ(run.as(by_ring("/etc/passwd")).uid, alice);
  EXPECT_THAT(run.as(by_ring("/etc/passwd")).groups, ElementsAre(3001, 3100));
  EXPECT_EQ(run.as(by_ring("/etc/group")).uid, bob);
  EXPECT_EQ(run.as(by_ring("/etc/shadow")).uid, root);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, a_polled_ring_works_as_its_maker) {
  follow("sqpoll");
  EXPECT_EQ(run.output(), "0\n");  // root's power: alice may not read it
  const Effect effect = by_ring("/etc/shadow");
  EXPECT_EQ(run.as(effect).uid, root);
  EXPECT_TRUE(effect.polled);
  EXPECT_TRUE(effect.finished);
  EXPECT_GE(effect.result, 0);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, a_linked_request_runs_as_whoever_the_thread_is_by_then) {
  follow("linked");
  const Effect effect = by_ring("/etc/passwd");
  EXPECT_TRUE(effect.deferred);
  EXPECT_TRUE(effect.finished);
  EXPECT_EQ(run.as(effect).uid, bob);
  EXPECT_EQ(run.as(by_ring("/etc/group")).uid, root);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, by_its_registered_index_too) {
  follow("registered");
  EXPECT_EQ(run.as(by_ring("/etc/passwd")).uid, alice);
  EXPECT_GE(by_ring("/etc/passwd").result, 0);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, when_it_was_never_mapped_is_a_problem) {
  follow("unmapped");
  EXPECT_THAT(run.problems(), HasSubstr("could not be read"));
}

TEST_P(Ring_followed, when_its_memory_was_taken_away_is_a_problem) {
  follow("hidden");
  EXPECT_THAT(run.problems(), HasSubstr("could not be read"));
}

TEST_P(Ring_followed, to_another_place_in_memory_or_a_problem) {
  follow("moved");
  by_ring("/etc/group");
  if (run.problems().empty()) by_ring("/etc/passwd");
}

TEST_P(Ring_followed, with_the_address_of_a_connection) {
  follow("connect");
  const Effect effect = by_ring("/trap/ring-socket");
  EXPECT_EQ(effect.call, "io_uring connect");
  EXPECT_EQ(effect.decides, Decides::effective);
  EXPECT_EQ(effect.result, -ENOENT);
}

TEST_P(Ring_followed, into_a_child_that_uses_its_parent_s) {
  follow("child");
  EXPECT_EQ(run.as(by_ring("/etc/passwd")).uid, alice);
  EXPECT_EQ(by_ring("/etc/passwd").thread, 1);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, with_entries_and_completions_of_double_size) {
  follow("wide");
  EXPECT_GE(by_ring("/etc/group").result, 0);
  EXPECT_EQ(run.as(by_ring("/etc/passwd")).uid, alice);
  EXPECT_TRUE(by_ring("/etc/passwd").finished);
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, in_each_operation_that_names_a_file) {
  follow("all-operations");
  for (const char* name :
       {"statx", "openat2", "unlinkat", "mkdirat", "renameat", "symlinkat", "linkat", "getxattr", "setxattr"}) {
    const Effect effect = by_ring(std::string("/trap/") + name);
    EXPECT_EQ(effect.call, std::string("io_uring ") + name);
    EXPECT_TRUE(effect.finished) << name;
    EXPECT_EQ(effect.result, -ENOENT) << name;
  }
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Ring_followed, is_at_rest_with_a_process_that_is) {
  run.start({.program = "ring_works", .words = {"pending"}});
  ASSERT_TRUE(run.until_marked(1));
  const auto quiet = run.tracer.run_until_quiet(200ms, Tracer::Clock::now() + 3s);
  EXPECT_TRUE(quiet == Tracer::Quiet::quiet || quiet == Tracer::Quiet::lingering) << static_cast<int>(quiet);
}

}  // namespace
}  // namespace behalf::tool::testing
