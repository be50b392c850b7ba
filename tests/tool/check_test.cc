// The real tool on operations that are good and bad by design.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace behalf::tool::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Checked {
  int status = -1;
  nlohmann::json operation;  // the one of the report
  nlohmann::json report;

  std::string verdict() const { return operation.value("verdict", "none"); }
  nlohmann::json first() const {
    return operation["findings"].empty() ? nlohmann::json::object() : operation["findings"][0];
  }
  std::string kind() const { return first().value("kind", "none"); }
  std::string code() const { return first().value("code", "none"); }
  std::string got() const { return first().empty() ? "" : first()["got"]["outcome"].get<std::string>(); }
};

Checked check(const std::string& operation, const std::vector<std::string>& more = {"--leg", "cold"}) {
  std::vector<std::string> words = {BEHALF, "check", OPERATIONS, operation, "--format", "json"};
  words.insert(words.end(), more.begin(), more.end());
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t tool = fork();
  if (tool == 0) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    dup2(ends[1], 1);
    execv(BEHALF, argv.data());
    _exit(127);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 65536> piece{};
  for (ssize_t got = 0; (got = read(ends[0], piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(tool, &status, 0);
  Checked checked;
  checked.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  checked.report = nlohmann::json::parse(text, nullptr, false);
  if (checked.report.is_discarded() || !checked.report.contains("operations")) {
    ADD_FAILURE() << operation << ": no report: " << text.substr(0, 1000);
    checked.operation = nlohmann::json::object();
    checked.operation["findings"] = checked.operation["reasons"] = nlohmann::json::array();
    return checked;
  }
  EXPECT_EQ(checked.report["self_check"], "passed");
  checked.operation = checked.report["operations"][0];
  const std::string verdict = checked.verdict();
  EXPECT_EQ(checked.status, verdict == "works" ? 0 : verdict == "fails" ? 1 : 2) << operation;
  return checked;
}

void expect_works(const Checked& checked) {
  EXPECT_EQ(checked.verdict(), "works") << checked.operation.dump(1);
  EXPECT_THAT(checked.operation["findings"], IsEmpty());
}
void expect_fails(const Checked& checked, const std::string& kind, const std::string& code,
                  const std::string& got = "") {
  EXPECT_EQ(checked.verdict(), "fails") << checked.operation.dump(1);
  EXPECT_EQ(checked.kind(), kind) << checked.operation.dump(1);
  EXPECT_EQ(checked.code(), code) << checked.operation.dump(1);
  EXPECT_THAT(checked.got(), HasSubstr(got));
}

const std::vector<std::string> short_limit = {"--leg", "cold", "--limit", "1"};

TEST(Check, finds_that_an_operation_that_is_right_works_in_every_leg) {
  expect_works(check("reads_own_note", {}));
}

TEST(Check, finds_a_crash) {
  expect_fails(check("crashes"), "crashed", "B901", "signal 11");
}
TEST(Check, finds_an_abort) {
  expect_fails(check("aborts"), "crashed", "B901", "signal 6");
}
TEST(Check, finds_an_exit) {
  expect_fails(check("exits"), "crashed", "B901", "exited with 3");
}
TEST(Check, finds_an_exception_that_no_caller_could_catch) {
  expect_fails(check("throws_a_number"), "crashed", "B901", "signal 6");
}

TEST(Check, finds_a_hang_within_its_limit) {
  const Checked checked = check("hangs", short_limit);
  expect_fails(checked, "crashed", "B901", "did not return within 1 s");
}

TEST(Check, does_not_take_a_busy_machine_for_a_hang) {
  std::vector<pid_t> others;
  for (int i = 0; i < 5 * get_nprocs(); ++i) {
    others.push_back(fork());
    if (others.back() == 0)
      for (;;) clock();
  }
  expect_works(check("works_for_a_while", {"--leg", "cold", "--limit", "0.8"}));
  for (const pid_t other : others) {
    kill(other, SIGKILL);
    waitpid(other, nullptr, 0);
  }
}

TEST(Check, takes_an_exception_for_an_outcome) {
  const Checked checked = check("throws");
  EXPECT_EQ(checked.verdict(), "fails");
  EXPECT_THAT(checked.got(), HasSubstr("the service throws"));
  expect_works(check("throws_always"));
}

TEST(Check, never_says_of_an_operation_that_always_crashes_that_it_works) {
  const Checked checked = check("crashes_always");
  EXPECT_THAT(checked.verdict(), AnyOf("fails", "unclear"));
}

TEST(Check, survives_a_hundred_megabytes_of_output) {
  const Checked checked = check("prints_100_megabytes");
  EXPECT_THAT(checked.verdict(), AnyOf("fails", "unclear"));
  EXPECT_THAT(checked.operation.dump(), HasSubstr("64 MiB"));
  EXPECT_LT(checked.operation.dump().size(), 100000U);
}

TEST(Check, does_not_wait_for_the_end_of_an_output_that_has_none) {
  const Checked checked = check("prints_for_ever");
  EXPECT_THAT(checked.verdict(), AnyOf("fails", "unclear"));
  EXPECT_THAT(checked.operation.dump(), HasSubstr("64 MiB"));
}

TEST(Check, allows_each_call_its_output) {
  expect_works(check("prints_twenty_megabytes", {"--leg", "alternating"}));
  const Checked checked = check("prints_twenty_megabytes", {"--leg", "concurrent"});
  EXPECT_EQ(checked.verdict(), "unclear");
  EXPECT_THAT(checked.operation["reasons"].dump(), HasSubstr("the 24 calls wrote more than 64 MiB"));
}

TEST(Check, compares_what_comes_after_the_first_megabytes_of_output) {
  expect_works(check("prints_two_megabytes", {"--leg", "cold", "--leg", "concurrent"}));
  const Checked checked = check("prints_two_megabytes_and_who");
  expect_fails(checked, "lost", "B402", "after the first MiB");
}

TEST(Check, finds_a_thread_that_never_rests_and_does_not_wait_for_it_for_ever) {
  const Checked checked = check("leaves_a_thread_spinning", short_limit);
  expect_fails(checked, "lingering", "B101");
  EXPECT_THAT(checked.operation["reasons"].dump(), HasSubstr("never came to rest"));
}

TEST(Check, attributes_an_effect_that_comes_when_the_call_is_long_over) {
  const Checked checked = check("asks_for_a_late_effect", {"--leg", "cold", "--before", "late_worker"});
  expect_fails(checked, "lost", "B102");
  EXPECT_EQ(checked.first()["effect"]["object"], "/srv/inbox/late");
  EXPECT_EQ(checked.first()["expected"]["user"], "alice");
  EXPECT_EQ(checked.first()["got"]["user"], "root");
}

TEST(Check, does_not_see_a_late_effect_that_it_was_told_not_to_wait_for_as_another_s) {
  const Checked checked =
      check("asks_for_a_late_effect", {"--leg", "cold", "--before", "late_worker", "--settle", "0.01"});
  EXPECT_NE(checked.kind(), "leaked");
}

TEST(Check, waits_for_a_thread_that_acts_late_as_the_user_and_ends) {
  expect_works(check("acts_late_in_a_thread_of_its_own"));
}

TEST(Check, lets_a_child_that_is_the_user_for_good_outlive_the_call) {
  expect_works(check("leaves_a_child", {"--leg", "cold", "--leg", "after-bob"}));
}

struct Altered {
  const char* operation;
  const char* words;
};
class Check_of_state : public ::testing::TestWithParam<Altered> {};
TEST_P(Check_of_state, finds_what_was_altered) {
  expect_fails(check(GetParam().operation), "altered", "B702", GetParam().words);
}
INSTANTIATE_TEST_SUITE_P(, Check_of_state,
                         ::testing::Values(Altered{"changes_umask", "0077"}, Altered{"changes_directory", "/srv/inbox"},
                                           Altered{"changes_environment", "TOOL_TEST=changed"},
                                           Altered{"changes_limit", "100"},
                                           Altered{"handles_signal", "handled signals"},
                                           Altered{"ignores_signal", "ignored signals"}),
                         [](const auto& one) { return one.param.operation; });

TEST(Check, finds_what_was_put_back_when_other_threads_had_it_meanwhile) {
  const Checked checked = check("changes_back");
  expect_fails(checked, "altered", "B702", "the umask is 0077 while the call runs");
  EXPECT_THAT(checked.first()["stack"].dump(), HasSubstr("changes_back"));
}

TEST(Check, forgives_what_a_thread_changed_of_its_own) {
  expect_works(check("changes_own_back"));
}

TEST(Check, finds_what_a_child_that_gave_up_its_ids_has_forgotten) {
  expect_fails(check("keeps_saved_gid"), "lingering", "B301", "gid 3001/3001/0/3001");
  expect_works(check("keeps_nothing"));
}

TEST(Check, finds_a_thread_that_cannot_come_back) {
  const Checked checked = check("stays_the_user_by_raw_call");
  EXPECT_EQ(checked.verdict(), "fails") << checked.operation.dump(1);
  EXPECT_THAT(checked.kind(), AnyOf("lingering", "crashed"));
}

TEST(Check, finds_the_first_caller_s_answer_kept_by_the_thread_or_the_process) {
  for (const char* operation : {"keeps_in_thread", "keeps_in_process"}) {
    const Checked checked = check(operation, {"--leg", "cold", "--leg", "after-bob"});
    expect_fails(checked, "leaked", "B401");
    EXPECT_EQ(checked.first()["leg"], "after-bob");
    EXPECT_EQ(checked.first()["got"]["user"], "bob");
  }
}

TEST(Check, is_not_misled_by_process_numbers_and_times) {
  expect_works(check("prints_noise", {"--leg", "cold", "--leg", "after-bob"}));
}

TEST(Check, is_not_misled_by_a_time_that_the_oracles_happened_to_share) {
  const Checked checked = check("prints_the_second", {"--leg", "cold", "--leg", "after-idle"});
  EXPECT_NE(checked.verdict(), "fails") << checked.operation.dump(1);
}

TEST(Check, calls_a_random_answer_unclear) {
  const Checked checked = check("returns_random");
  EXPECT_EQ(checked.verdict(), "unclear");
  EXPECT_THAT(checked.operation["reasons"].dump(), HasSubstr("do not agree"));
}

}  // namespace
}  // namespace behalf::tool::testing
