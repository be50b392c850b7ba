// <behalf/gtest.h>: what it says of operations that work, that fail, and that cannot be asked.
#include <behalf/gtest.h>
#include <gtest/gtest-spi.h>
#include <sys/stat.h>

#include <fstream>

BEHALF_DECLARE_OPERATION(answers_the_same);
BEHALF_DECLARE_OPERATION(says_home);
BEHALF_DECLARE_OPERATION(answers_differently);
BEHALF_OPERATION(is_in_the_program) {
  return 0;
}

namespace behalf {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

const WorksWhenImpersonating works_when_cold = WorksWhenImpersonating().InLeg("cold");

// The failures of an assertion, as text.
template <typename Assertion>
std::vector<std::string> failures_of(const Assertion& assertion) {
  ::testing::TestPartResultArray results;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    assertion();
  }
  std::vector<std::string> messages;
  for (int i = 0; i < results.size(); ++i) messages.emplace_back(results.GetTestPartResult(i).message());
  return messages;
}

// For as long as it lives, the tool is another program.
class Tool {
 public:
  explicit Tool(const std::string& path) { setenv("BEHALF_TOOL", path.c_str(), 1); }
  ~Tool() { unsetenv("BEHALF_TOOL"); }
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  // One that says which arguments it was given, one a line, and ends so.
  static std::string saying_its_arguments(int exit_code) {
    const std::string path = ::testing::TempDir() + "behalf-stand-in-" + std::to_string(getpid());
    std::ofstream(path) << "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit " << exit_code << "\n";
    chmod(path.c_str(), 0755);
    return path;
  }
};

TEST(Matcher, takes_an_operation_that_works) {
  EXPECT_THAT(BEHALF_CHECK(answers_the_same), WorksWhenImpersonating());
  EXPECT_THAT(BEHALF_CHECK(answers_the_same), works_when_cold.InPosture("files").InPosture("shielded"));
}

TEST(Matcher, has_the_whole_report_in_its_message) {
  const auto failures = failures_of([] { EXPECT_THAT(BEHALF_CHECK(says_home), works_when_cold); });
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0],
              AllOf(HasSubstr("Expected: works when impersonating (posture full)"), HasSubstr("/home/alice"),
                    HasSubstr("says_home: does NOT work"), HasSubstr("[B402 environment]"), HasSubstr("cure"),
                    HasSubstr("SUMMARY: behalf: lost B402")));
}

TEST(Matcher, can_be_negated) {
  EXPECT_THAT(BEHALF_CHECK(says_home), Not(works_when_cold));
}

TEST(Matcher, takes_any_function_of_any_library) {
  EXPECT_THAT(operation_in("libc.so.6", R"(int access("/srv/root-only.txt", 4))"), works_when_cold);
}

TEST(Matcher, takes_no_answer_for_a_failure_negated_or_not) {
  for (const bool negated : {false, true}) {
    const auto failures = failures_of([&] {
      if (negated)
        EXPECT_THAT(BEHALF_CHECK(answers_differently), Not(works_when_cold));
      else
        EXPECT_THAT(BEHALF_CHECK(answers_differently), works_when_cold);
    });
    ASSERT_EQ(failures.size(), negated ? 1U : 2U);
    EXPECT_THAT(failures[0], AllOf(HasSubstr("it could not be told"), HasSubstr("unclear"), HasSubstr("do not agree")));
  }
}

TEST(Matcher, says_where_an_operation_of_the_program_itself_belongs) {
  const auto failures =
      failures_of([] { EXPECT_THAT(BEHALF_CHECK(is_in_the_program), Not(WorksWhenImpersonating())); });
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0], AllOf(HasSubstr("'is_in_the_program' is in the program itself"), HasSubstr("SHARED")));
}

TEST(Matcher, asks_the_tool_for_what_it_was_told_to_and_once) {
  const Tool tool(Tool::saying_its_arguments(1));
  const auto failures = failures_of([] {
    EXPECT_THAT(operation_in("libx.so", "f"),
                WorksWhenImpersonating().InPosture("files").InLeg("warm").AfterSetup("void g(\"a b\")"));
  });
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0], HasSubstr("check\nlibx.so\nf\n--posture\nfiles\n--leg\nwarm\n--setup\nvoid g(\"a b\")\n"));
}

TEST(Matcher, says_which_tool_is_missing) {
  const Tool tool("/nowhere/behalf");
  const auto failures = failures_of([] { EXPECT_THAT(operation_in("libx.so", "f"), Not(WorksWhenImpersonating())); });
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0], AllOf(HasSubstr("cannot run '/nowhere/behalf'"), HasSubstr("BEHALF_TOOL")));
}

TEST(Matcher, says_what_the_machine_lacks) {
  const Tool tool(Tool::saying_its_arguments(69));
  const auto failures = failures_of([] { EXPECT_THAT(operation_in("libx.so", "f"), Not(WorksWhenImpersonating())); });
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0], HasSubstr("exit code 69"));
}

TEST(Why_no_check, is_empty_where_it_can_be_done) {
  EXPECT_EQ(why_no_check(), "");
}

TEST(Operation_at, finds_the_shared_object) {
  EXPECT_THAT(BEHALF_CHECK(says_home).library, EndsWith("libcheck_operations.so"));
  EXPECT_EQ(BEHALF_CHECK(says_home).call, "says_home");
}

}  // namespace
}  // namespace behalf
