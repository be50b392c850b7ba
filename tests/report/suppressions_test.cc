// Suppressions: what the file may say, what a rule suppresses and what it must not hide, and what reports make of it.
#include "report/suppressions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "report/report.h"
#include "report/whole_file.h"

namespace behalf::tool {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::chrono::sys_days today = 2026y / 6 / 15;

TEST(Rules, Are_read_with_comments_blanks_and_dates) {
  const auto rules = parse_suppressions(
      "\xef\xbb\xbf# a comment\r\n\r\n"
      "code:B402 because it is meant # and this is no comment\r\n"
      "\toperation:threads/* function:ns::work*\tuntil 2027-01-31 because  of ticket 4711  ");
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].line, 3);
  EXPECT_EQ(to_string(rules[0]), "code:B402");
  EXPECT_EQ(rules[0].reason, "it is meant # and this is no comment");
  EXPECT_EQ(rules[1].line, 4);
  EXPECT_EQ(to_string(rules[1]), "operation:threads/* function:ns::work* until 2027-01-31");
  EXPECT_EQ(rules[1].reason, "of ticket 4711");
  EXPECT_THAT(parse_suppressions(""), IsEmpty());
}

TEST(Rules, A_line_that_is_none_says_which_and_why) {
  const std::pair<const char*, const char*> lines[] = {
      {"code:B402", "no reason"},
      {"code:B402 because", "no reason"},
      {"code:B402 because   ", "no reason"},
      {"because it is so", "names nothing"},
      {"until 2027-01-31 because it is so", "names nothing"},
      {"code:402 because x", "'402' is no code"},
      {"code:B40 because x", "'B40' is no code"},
      {"code:B4020 because x", "'B4020' is no code"},
      {"code: because x", "'code:' is followed by nothing"},
      {"function: operation:x because x", "'function:' is followed by nothing"},
      {"code:B402 code:B401 because x", "'code:' twice"},
      {"leak:malloc because x", "'leak:malloc' is not understood"},
      {"code:B402 Because x", "'Because' is not understood"},
      {"code:B402 until tomorrow because x", "'tomorrow' is no date"},
      {"code:B402 until because x", "'because' is no date"},
      {"code:B402 until", "'' is no date"},
      {"code:B402 until 2027-02-29 because x", "'2027-02-29' is no date"},
      {"code:B402 until 2027-1-31 because x", "'2027-1-31' is no date"},
      {"code:B402 until 2027-01-3x because x", "'2027-01-3x' is no date"},
      {"code:B402 until 2027-01-31 until 2027-01-31 because x", "'until' twice"},
      {"code:B402 because \x1b[31m", "control character"}};
  for (const auto& [line, why] : lines) {
    try {
      (void)parse_suppressions(std::string("# one\ncode:B101 because fine\n") + line + "\ncode:");
      ADD_FAILURE() << line;
    } catch (const SuppressionRuleError& error) {
      EXPECT_EQ(error.line(), 3) << line;
      EXPECT_THAT(error.what(), HasSubstr(why));
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    }
  }
  EXPECT_THROW((void)parse_suppressions(std::string("code:B402 because \0", 19)), SuppressionRuleError);
}

TEST(Rules, A_glob_has_stars_and_question_marks) {
  for (const auto& [glob, text] : {std::pair{"work", "work"},
                                   {"*", ""},
                                   {"*", "ns::work(int)"},
                                   {"w?rk", "work"},
                                   {"*work*", "ns::work(int)"},
                                   {"a*b*c", "aXbbXXc"},
                                   {"a*ab", "aaab"},
                                   {"access(\"/srv*?4)", "access(\"/srv/root-only.txt\", 4)"},
                                   {"[x]", "[x]"}})
    EXPECT_TRUE(glob_matches(glob, text)) << glob << " " << text;
  for (const auto& [glob, text] :
       {std::pair{"work", "works"}, {"work", "Work"}, {"", "x"}, {"?", ""}, {"a*b", "aXbX"}, {"[x]", "x"}})
    EXPECT_FALSE(glob_matches(glob, text)) << glob << " " << text;
  EXPECT_FALSE(glob_matches(std::string(200, '*') + "b", std::string(100'000, 'a'))) << "and in time";
}

Finding finding(const std::string& code, const std::string& function) {
  Finding made;
  made.code = code;
  made.kind = "lost";
  made.hop = "queue";
  made.clock = "creator";
  made.leg = "cold";
  made.expected_user = "alice";
  made.got_user = "root";
  made.effect = Finding::On{"openat", "/srv/x", 0, "uid 0"};
  made.thread_role = "a thread made before the call";
  made.stack = {{"open", "/usr/lib/libc.so.6", "", 0}, {function, "/x/libmine.so", "/src/mine.cc", 12}};
  return made;
}

Report report_of(std::vector<Finding> findings, std::vector<std::string> reasons = {}) {
  Report report;
  report.tool = "behalf 0.1.0";
  report.kernel = "6.1";
  report.self_check = true;
  Verdict verdict;
  verdict.posture = "full";
  verdict.answer = !findings.empty() ? Answer::fails : reasons.empty() ? Answer::works : Answer::unclear;
  verdict.findings = std::move(findings);
  verdict.reasons = std::move(reasons);
  verdict.legs = {{"cold", false, 1, 1}};
  Reported reported;
  reported.answers.inquiry = {"fetch", "pools", "./libmine.so", {}, {"full"}};
  reported.answers.verdicts.push_back(std::move(verdict));
  report.operations.push_back(std::move(reported));
  return report;
}

Report with_rules(const std::string& rules, Report report, bool all = true) {
  Suppressions suppressions{"known.txt", {}};
  for (const SuppressionRule& rule : parse_suppressions(rules)) suppressions.rules.push_back({rule});
  suppress(report, suppressions, all, today);
  return report;
}

const std::vector<Finding>& findings_of(const Report& report) {
  return report.operations[0].answers.verdicts[0].findings;
}

std::vector<RuleState> states(const Report& report) {
  std::vector<RuleState> list;
  for (const AppliedRule& applied : report.suppressions->rules) list.push_back(applied.state);
  return list;
}

TEST(Suppressed, Is_what_all_that_a_line_names_holds_of) {
  Finding made_elsewhere = finding("B102", "work");
  made_elsewhere.made_at = {{"pool::start", "/x/libmine.so", "", 0}};
  made_elsewhere.handed_at = {{"pool::submit", "/x/libmine.so", "", 0}};
  for (const char* rule : {"code:B102", "operation:fetch", "operation:f*h", "operation:pools/fetch", "function:work",
                           "function:open", "function:pool::start", "function:pool::s?bmit",
                           "code:B102 operation:fetch function:work", "code:B102 until 2026-06-15"})
    EXPECT_EQ(exit_code(with_rules(std::string(rule) + " because x", report_of({made_elsewhere}))), 0) << rule;
  for (const char* rule :
       {"code:B101", "operation:fetc", "operation:pools", "function:wor", "code:B102 operation:other",
        "code:B101 function:work", "code:B102 function:never", "code:B102 until 2026-06-14"})
    EXPECT_EQ(exit_code(with_rules(std::string(rule) + " because x", report_of({made_elsewhere}))), 1) << rule;
}

TEST(Suppressed, A_frame_without_a_name_has_no_function) {
  EXPECT_EQ(exit_code(with_rules("function:* because x", report_of({finding("B102", "work")}))), 0);
  Finding nameless = finding("B102", "");
  nameless.stack.erase(nameless.stack.begin());
  EXPECT_EQ(exit_code(with_rules("function:* because x", report_of({nameless}))), 1);
}

TEST(Suppressed, What_is_left_comes_first_and_is_the_exit_code) {
  const Report report =
      with_rules("function:known because x", report_of({finding("B102", "known"), finding("B102", "other")}));
  EXPECT_EQ(exit_code(report), 1);
  EXPECT_EQ(findings_of(report)[0].stack[1].function, "other");
  EXPECT_FALSE(findings_of(report)[0].suppressed);
  ASSERT_TRUE(findings_of(report)[1].suppressed);
  EXPECT_EQ(findings_of(report)[1].suppressed->line, 1);
}

TEST(Suppressed, What_was_folded_and_is_something_else_comes_to_light) {
  Finding outer = finding("B102", "known");
  outer.folded = 5;
  outer.within = {finding("B102", "other"), finding("B104", "known")};
  const Report report = with_rules("function:known because x", report_of({outer}));
  EXPECT_EQ(exit_code(report), 1);
  ASSERT_EQ(findings_of(report).size(), 2u);
  EXPECT_EQ(findings_of(report)[0].stack[1].function, "other");
  EXPECT_EQ(findings_of(report)[1].folded, 4);
}

TEST(Suppressed, An_answer_that_is_unclear_besides_stays_unclear) {
  EXPECT_EQ(exit_code(with_rules("code:B102 because x", report_of({finding("B102", "f")}, {"a leg could not be run"}))),
            2);
  EXPECT_EQ(exit_code(with_rules("operation:* because x", report_of({}, {"a leg could not be run"}))), 2);
}

TEST(Rules, Tell_what_became_of_them) {
  const std::string rules =
      "code:B102 because 1\noperation:fetch because 2\ncode:B101 because 3\noperation:other because 4\n"
      "code:B102 until 2026-01-01 because 5\ncode:B101 until 2026-01-01 because 6\n";
  const Report report = with_rules(rules, report_of({finding("B102", "f")}), /*all=*/false);
  EXPECT_THAT(states(report), ElementsAre(RuleState::used, RuleState::used, RuleState::unused, RuleState::elsewhere,
                                          RuleState::expired, RuleState::expired));
  EXPECT_THAT(
      warnings_of(*report.suppressions),
      ElementsAre("known.txt:3: unused: nothing was found that 'code:B101' suppresses",
                  "known.txt:5: expired: 'code:B102 until 2026-01-01' no longer suppresses the finding that it names",
                  "known.txt:6: expired: 'code:B101 until 2026-01-01' no longer suppresses, and nothing was found that "
                  "it names"));
  EXPECT_EQ(summary_of(*report.suppressions),
            "known.txt: of 6 rules 2 used, 1 unused, 2 expired, 1 about other operations");
  const Report of_all = with_rules(rules, report_of({finding("B102", "f")}), /*all=*/true);
  EXPECT_EQ(states(of_all)[3], RuleState::unused);
}

TEST(Rules, For_what_is_folded_into_an_open_finding_are_used) {
  Finding outer = finding("B102", "open_one");
  outer.within = {finding("B102", "known")};
  const Report report = with_rules("function:known because x", report_of({outer}));
  EXPECT_THAT(states(report), ElementsAre(RuleState::used));
  EXPECT_EQ(exit_code(report), 1);
}

class Reports : public testing::Test {
 protected:
  Report known = with_rules("code:B102 until 2027-01-31 because of <ticket> 4711", report_of({finding("B102", "f")}));
  Report both = with_rules("function:known because of <ticket> 4711",
                           report_of({finding("B102", "known"), finding("B104", "other")}));
  const std::string reason = "because of <ticket> 4711 (known.txt:1";
};

TEST_F(Reports, Text_folds_it_with_its_reason_and_never_says_works) {
  for (const std::string& text : {text_of_check(known, {}), text_of_survey(known, {.width = 200})}) {
    EXPECT_THAT(text, HasSubstr(reason));
    EXPECT_THAT(text, Not(HasSubstr(" works ")));
  }
  EXPECT_THAT(markdown_of_survey(known), HasSubstr("because of &lt;ticket> 4711 (known.txt:1"));
  EXPECT_THAT(markdown_of_survey(known), Not(HasSubstr(" works ")));
  EXPECT_THAT(text_of_check(known, {}),
              HasSubstr("fetch: does NOT work when impersonating; all that was found is suppressed"));
  EXPECT_THAT(text_of_check(known, {}), HasSubstr("SUMMARY: behalf: suppressed lost B102 queue"));
  EXPECT_THAT(text_of_check(known, {}), Not(HasSubstr("expected")));
  EXPECT_THAT(text_of_check(known, {.verbose = true}), HasSubstr("expected  openat"));
  EXPECT_THAT(text_of_survey(known, {}), HasSubstr("1 fail (1 suppressed)"));
  const std::string text = text_of_check(both, {});
  EXPECT_THAT(text, HasSubstr("SUMMARY: behalf: lost B104"));
  EXPECT_LT(text.find("[B104 queue]"), text.find("suppressed  lost"));
}

TEST_F(Reports, Json_keeps_it_and_says_by_which_rule) {
  const json document = json::parse(json_of(known)), operation = document["operations"][0];
  EXPECT_EQ(operation["verdict"], "fails");
  EXPECT_EQ(operation["suppressed"], true);
  EXPECT_EQ(operation["findings"][0]["suppressed"],
            (json{{"reason", "of <ticket> 4711"}, {"file", "known.txt"}, {"line", 1}, {"until", "2027-01-31"}}));
  EXPECT_EQ(document["summary"], (json{{"works", 0}, {"fails", 1}, {"unclear", 0}, {"suppressed", 1}}));
  EXPECT_EQ(document["suppressions"]["rules"][0]["state"], "used");
  EXPECT_FALSE(json::parse(json_of(both))["operations"][0].contains("suppressed"));
  EXPECT_FALSE(json::parse(json_of(report_of({})))["summary"].contains("suppressed"));
}

TEST_F(Reports, Sarif_has_the_justification) {
  const json results = json::parse(sarif_of(both, 1, "/src"))["runs"][0]["results"];
  ASSERT_EQ(results.size(), 2u);
  EXPECT_FALSE(results[0].contains("suppressions"));
  EXPECT_EQ(results[1]["suppressions"][0]["justification"], "of <ticket> 4711");
  EXPECT_EQ(results[1]["suppressions"][0]["kind"], "external");
}

TEST_F(Reports, Pages_have_it_folded_and_escaped) {
  for (const std::string& page : {html_of_check(known), html_of_survey(known)}) {
    EXPECT_THAT(page, HasSubstr("because of &lt;ticket&gt; 4711 (known.txt:1"));
    EXPECT_THAT(page, Not(HasSubstr("<ticket>")));
  }
  EXPECT_THAT(html_of_check(known), HasSubstr("<details class=\"suppressed\"><summary>"));
  EXPECT_THAT(html_of_check(known), Not(HasSubstr("What went astray first")));
}

TEST(SuppressionFile, That_cannot_be_used_is_one_line_with_its_place) {
  const auto says = [](const std::string& file) -> std::string {
    try {
      (void)read_suppressions(file);
    } catch (const FileError& error) {
      return error.what();
    }
    return "nothing";
  };
  const std::string file = testing::TempDir() + "behalf-suppressions.txt";
  std::ofstream(file) << "\ncode:B999 because x\n";
  EXPECT_EQ(says(file), file + ":2: there is no code B999: behalf explain lists them");
  std::ofstream(file) << "code:B102\n";
  EXPECT_THAT(says(file), HasSubstr(file + ":1: it gives no reason"));
  std::filesystem::remove(file);
  EXPECT_THAT(says(file), HasSubstr("No such file"));
  EXPECT_THAT(says("/"), HasSubstr("is a directory"));
  EXPECT_THAT(says("/dev/zero"), HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace behalf::tool
