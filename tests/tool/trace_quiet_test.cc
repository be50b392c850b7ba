// When a process is at rest: every thread blocked with no end of its own accord.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "trap_run.h"

namespace behalf::tool::testing {
namespace {

using namespace std::chrono_literals;
using Quiet = Tracer::Quiet;
using Milliseconds = std::chrono::milliseconds;

std::string to_words(Quiet quiet) {
  return quiet == Quiet::quiet       ? "quiet"
         : quiet == Quiet::lingering ? "lingering"
         : quiet == Quiet::busy      ? "busy"
                                     : "gone";
}

struct Rest {
  Quiet quiet;
  Milliseconds after;
};

std::string test_name(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& character : name)
    if (character == '-') character = '_';
  return name;
}

class Way : public ::testing::TestWithParam<const char*> {
 protected:
  Rest rest(Milliseconds bound, Milliseconds deadline) {
    run.start({.program = "waits", .words = {GetParam()}});
    EXPECT_TRUE(run.until_marked(1));
    const auto start = Tracer::Clock::now();
    const Quiet quiet = run.tracer.run_until_quiet(bound, start + deadline);
    return {quiet, std::chrono::duration_cast<Milliseconds>(Tracer::Clock::now() - start)};
  }
  TrapRun run;
};

class Wait_without_end : public Way {};
TEST_P(Wait_without_end, is_quiet_at_once) {
  const Rest at = rest(3s, 5s);
  EXPECT_EQ(to_words(at.quiet), "quiet");
  EXPECT_LT(at.after, 1s);
  EXPECT_EQ(run.output(), "");
}
INSTANTIATE_TEST_SUITE_P(, Wait_without_end,
                         ::testing::Values("pause", "futex", "poll", "ppoll", "select", "epoll", "epoll_pwait2", "read",
                                           "sem_wait", "sigwait", "join", "stopped", "stopped-threads", "vfork",
                                           "timer-disarmed", "timer-deleted", "alarm-cancelled"),
                         test_name);

class Wait_with_an_end : public Way {};
TEST_P(Wait_with_an_end, is_waited_for_until_the_bound) {
  const Rest at = rest(150ms, 5s);
  EXPECT_EQ(to_words(at.quiet), "lingering");
  EXPECT_GE(at.after, 150ms);
  EXPECT_LT(at.after, 1500ms);
}
INSTANTIATE_TEST_SUITE_P(, Wait_with_an_end,
                         ::testing::Values("nanosleep", "clock_nanosleep", "futex-timed", "poll-timed", "ppoll-timed",
                                           "select-timed", "pselect-timed", "epoll-timed", "epoll_pwait2-timed",
                                           "sem_timedwait", "sigtimedwait", "thread-sleeps", "timer-long",
                                           "timer-repeated"),
                         test_name);

class Armed_timer : public Way {};
TEST_P(Armed_timer, is_waited_for_until_it_has_fired) {
  const Rest at = rest(4s, 6s);
  EXPECT_EQ(to_words(at.quiet), "quiet");
  EXPECT_GE(at.after, 190ms);
  EXPECT_LT(at.after, 2s);
  EXPECT_EQ(run.output(), "fired\n");
}
INSTANTIATE_TEST_SUITE_P(, Armed_timer,
                         ::testing::Values("timer", "timer-absolute", "timer-realtime", "timer-boottime", "setitimer",
                                           "timerfd", "alarm"),
                         test_name);

class Work_without_end : public Way {};
TEST_P(Work_without_end, is_never_called_quiet) {
  // Pinned together and apart: hand-offs are seen differently.
  for (const bool pinned : {true, false}) {
    TrapRun own;
    own.start({.program = "waits", .words = {GetParam()}, .before = [pinned] {
                 cpu_set_t one;
                 CPU_ZERO(&one);
                 CPU_SET(0, &one);
                 if (pinned) sched_setaffinity(0, sizeof one, &one);
               }});
    ASSERT_TRUE(own.until_marked(1));
    own.run_for(30ms);
    EXPECT_EQ(to_words(own.tracer.run_until_quiet(100ms, Tracer::Clock::now() + 400ms)), "busy")
        << (pinned ? "pinned" : "free");
  }
}
INSTANTIATE_TEST_SUITE_P(, Work_without_end,
                         ::testing::Values("spin", "spin-in-thread", "futex-ping-pong", "pipe-ping-pong",
                                           "process-ping-pong", "yields"),
                         test_name);

TEST(Sleep, that_a_stop_interrupted_still_has_an_end) {
  TrapRun run;
  run.start({.program = "waits", .words = {"restarted-sleep"}});
  ASSERT_TRUE(run.until_marked(1));
  EXPECT_EQ(to_words(run.tracer.run_until_quiet(150ms, Tracer::Clock::now() + 2s)), "quiet");
  kill(run.pid, SIGCONT);
  run.run_for(100ms);
  EXPECT_EQ(to_words(run.tracer.run_until_quiet(150ms, Tracer::Clock::now() + 2s)), "lingering");
  kill(run.pid, SIGSTOP);
  run.run_for(100ms);
  kill(run.pid, SIGCONT);
  run.run_for(100ms);
  EXPECT_EQ(to_words(run.tracer.run_until_quiet(150ms, Tracer::Clock::now() + 2s)), "lingering");
  EXPECT_EQ(run.output(), "");
}

TEST(Timer, of_the_past_is_not_waited_for) {
  TrapRun run;
  run.start({.program = "waits", .words = {"timer-of-the-past"}});
  ASSERT_TRUE(run.until_marked(1));
  EXPECT_EQ(to_words(run.tracer.run_until_quiet(3s, Tracer::Clock::now() + 5s)), "quiet");
  EXPECT_EQ(run.output(), "fired\n");
}

TEST(Process_that_has_ended, is_gone) {
  TrapRun run;
  run.start({.program = "says_who"});
  EXPECT_EQ(to_words(run.tracer.run_until_quiet(3s, Tracer::Clock::now() + 5s)), "gone");
}

}  // namespace
}  // namespace behalf::tool::testing
