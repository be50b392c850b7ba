// The parts of the reports that need no operation: text, encoding, comparison, fingerprints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "judge/codes.h"
#include "report/cure_page.h"
#include "report/html_page.h"
#include "report/protobuf.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Finding lost(const std::string& call, const std::string& object) {
  Finding finding;
  finding.code = "B102";
  finding.kind = "lost";
  finding.hop = "queue";
  finding.clock = "creator";
  finding.leg = "cold";
  finding.expected_user = "alice";
  finding.got_user = "root";
  finding.effect = Finding::On{call, object, 0, "uid 0"};
  finding.thread_role = "a thread made before the call";
  finding.stack = {{"open", "/usr/lib/libc.so.6", "", 0}, {"work", "/x/libmine.so", "/src/mine.cc", 12}};
  return finding;
}

Report report_with(std::vector<Finding> findings, const std::string& posture = "full") {
  Report report;
  report.tool = "behalf 0.1.0";
  report.self_check = true;
  Reported reported;
  reported.answers.inquiry.name = "operation";
  reported.answers.inquiry.library = "./libmine.so";
  Verdict verdict;
  verdict.posture = posture;
  verdict.answer = findings.empty() ? Answer::works : Answer::fails;
  verdict.findings = std::move(findings);
  reported.answers.verdicts.push_back(std::move(verdict));
  report.operations.push_back(std::move(reported));
  return report;
}

json results_of(const Report& report, const std::string& directory = "/src") {
  return json::parse(sarif_of(report, 1, directory))["runs"][0]["results"];
}

TEST(Pages, Sarif_rules_say_what_the_pages_say) {
  const json rules = json::parse(sarif_of(report_with({}), 0, "/src"))["runs"][0]["tool"]["driver"]["rules"];
  ASSERT_EQ(rules.size(), codes().size());
  for (const json& rule : rules) {
    const Code* const code = code_named(rule["id"].get<std::string>());
    ASSERT_NE(code, nullptr);
    EXPECT_THAT(rule["help"]["markdown"].get<std::string>(), HasSubstr(std::string(code->page)));
    EXPECT_THAT(rule["help"]["text"].get<std::string>(), HasSubstr("\nThe cure\n"));
    EXPECT_LE(rule["fullDescription"]["text"].get<std::string>().size(), 1024U);
    EXPECT_THAT(rule["fullDescription"]["text"].get<std::string>(), Not(HasSubstr("\n")));
    EXPECT_FALSE(rule.contains("helpUri"));
  }
}

TEST(Pages, Html_has_the_page_of_a_finding_folded) {
  const std::string html = html_of_check(report_with({lost("openat", "/home/alice/note.txt")}));
  EXPECT_THAT(html, HasSubstr("<details class=\"page\"><summary>What B102 is"));
  EXPECT_THAT(html, HasSubstr("<h4>The cure</h4>"));
  EXPECT_THAT(html, HasSubstr("behalf::ThreadPool&amp; pool, Work work"));
}

TEST(Pages, Markdown_becomes_text_that_keeps_to_the_width) {
  const std::string text = text_of_markdown(
      "## A *head*\n\none two `three` four\nfive\n\n* item\n* other\n\n```\ncode  as it is\n```\n", false, 40);
  EXPECT_EQ(text, "A head\n  one two `three` four five\n\n  * item\n  * other\n\n      code  as it is\n");
  EXPECT_EQ(text_of_markdown("## Head\n\n`x` <b>", true, 40), "\033[1mHead\033[0m\n  \033[36mx\033[0m <b>\n");
  EXPECT_EQ(html_of_markdown("## H\n\n<b>\n", 4), "<h4>H</h4>\n<p>&lt;b&gt;</p>\n");
}

TEST(Text, Utf8_is_kept_and_every_other_byte_is_replaced) {
  EXPECT_EQ(valid_utf8("a\u00e9\u2713\U0001F600"), "a\u00e9\u2713\U0001F600");
  for (const char* bad : {"\xff", "\xc0", "\x80", "\xe2\x80", "\xf5"})
    EXPECT_THAT(valid_utf8(std::string("a") + bad + "z"), testing::MatchesRegex("a(\xef\xbf\xbd)+z"))
        << testing::PrintToString(bad);
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd") << "a surrogate";
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\ufffd\ufffd") << "a slash, too long";
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd") << "beyond U+10FFFF";
  EXPECT_EQ(valid_utf8("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf");
}

TEST(Text, Markup_controls_and_reordering_are_escaped) {
  EXPECT_EQ(escaped("<b a=\"1\" c='2'>&</b>"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;&lt;/b&gt;");
  EXPECT_EQ(escaped(std::string_view("\x1b[31m\0\n", 7)), "\ufffd[31m\ufffd\n");
  EXPECT_EQ(escaped("a\u202eb\u2066c\u2028"), "a\ufffdb\ufffdc\u2028");
}

TEST(Text, Of_a_check_has_no_control_but_its_own_colours) {
  const Report report = report_with({lost("openat", "/srv/\x1b[31mred\x1b]0;title\a\u202e")});
  const std::string plain = text_of_check(report, {}), coloured = text_of_check(report, {.colour = true});
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  EXPECT_THAT(plain, HasSubstr("/srv/\ufffd[31mred\ufffd]0;title\ufffd\ufffd"));
  EXPECT_THAT(coloured, HasSubstr("\x1b[31mLOST\x1b[0m"));
  EXPECT_THAT(coloured, Not(HasSubstr("\x1b]0")));
}

TEST(Stack, Shows_what_is_the_operations_own_and_not_what_it_stands_on) {
  const std::vector<NamedFrame> frames = {
      {"open", "/lib/libc.so.6", "", 0},
      {"std::filebuf::open", "/lib/libstdc++.so.6", "", 0},
      {"std::ifstream::ifstream", "/x/libmine.so", "/usr/include/c++/12/fstream", 9},
      {"mine::read", "/x/libmine.so", "/src/mine.cc", 12},
      {"theirs", "/lib/libcurl.so.4", "", 0},
      {"start_thread", "/lib/libc.so.6", "", 0}};
  EXPECT_THAT(telling_frames(frames, "./libmine.so"), ElementsAre(0, 3, 4));
  EXPECT_THAT(telling_frames(frames, "libc.so.6"), ElementsAre(0, 3, 4, 5));
  EXPECT_THAT(telling_frames({frames[0], frames[1]}, "./libmine.so"), ElementsAre(0, 1)) << "nothing else is there";
  const std::vector<NamedFrame> ours = {{"connect", "/lib/libc.so.6", "", 0},
                                        {"behalf::get_ticket", "/x/libmine.so", "/src/grpc_channel.cc", 76},
                                        {"operator()", "/x/libmine.so", "/src/grpc_channel.cc", 165},
                                        {"get", "/x/libmine.so", "/opt/include/behalf/per_identity.h", 98},
                                        {"", "/opt/libexec/behalf-service", "", 0},
                                        {"mine::call", "/x/libmine.so", "/src/mine.cc", 5}};
  EXPECT_THAT(telling_frames(ours, "./libmine.so"), ElementsAre(0, 5));
  Finding finding = lost("openat", "/x");
  finding.stack = frames;
  const std::string text = text_of_check(report_with({finding}), {});
  EXPECT_THAT(text, HasSubstr("    #3  mine::read  /src/mine.cc:12\n"));
  EXPECT_THAT(text, HasSubstr("    ... and 3 more (-v shows them)\n"));
  EXPECT_THAT(text_of_check(report_with({finding}), {.verbose = true}), HasSubstr("#5  start_thread"));
}

TEST(Function, Is_named_briefly) {
  const std::string text = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
  EXPECT_EQ(brief("pthread_cond_signal@@GLIBC_2.3.2"), "pthread_cond_signal");
  EXPECT_EQ(brief("app::read(" + text + " const&)"), "app::read(std::string const&)");
  EXPECT_EQ(brief("std::basic_ifstream<char, std::char_traits<char> >::open(" + text + " const&, std::_Ios_Openmode)"),
            "std::basic_ifstream<...>::open(...)");
  EXPECT_EQ(brief("(anonymous namespace)::a_name_that_is_rather_long::operator()(int, int, int, int, int) const"),
            "(anonymous namespace)::a_name_that_is_rather_long::operator()(...) const");
  EXPECT_EQ(brief("a_name_that_is_long_and_shifts::operator<<(std::basic_ostream<char, std::char_traits<char> >&)"),
            "a_name_that_is_long_and_shifts::operator<<(...)");
  EXPECT_EQ(brief(""), "");
}

TEST(Page, Shows_what_was_kept_as_the_text_does) {
  Finding finding = lost("write", "/home/bob/note.txt");
  finding.kept = "descriptor 7, /home/bob/<note>.txt";
  finding.opened_for = "bob";
  finding.opened_at = {{"opens", "/x/libmine.so", "/src/mine.cc", 5}};
  const Report report = report_with({finding});
  const std::string html = html_of_check(report);
  EXPECT_THAT(html, HasSubstr("Kept: descriptor 7, /home/bob/&lt;note&gt;.txt; opened for bob."));
  EXPECT_THAT(html, HasSubstr("Where what was kept was opened"));
  EXPECT_THAT(text_of_check(report, {}), HasSubstr("kept      descriptor 7, /home/bob/<note>.txt; opened for bob"));
  EXPECT_THAT(results_of(report)[0]["message"]["text"].get<std::string>(), HasSubstr("opened for bob"));
}

TEST(Protobuf, Has_the_bytes_of_the_specification) {
  // protobuf.dev, "Encoding": 150 in field 1, "testing" in field 2, and the first in field 3.
  EXPECT_EQ(Message().number(1, 150).bytes(), "\x08\x96\x01");
  EXPECT_EQ(Message().text(2, "testing").bytes(), "\x12\x07testing");
  EXPECT_EQ(Message().message(3, Message().number(1, 150)).bytes(), std::string("\x1a\x03\x08\x96\x01"));
  EXPECT_EQ(Message().fixed64(47, 0x0102030405060708).bytes(), std::string("\xf9\x02\x08\x07\x06\x05\x04\x03\x02\x01"));
  EXPECT_EQ(Message().number(1, ~std::uint64_t{0}).bytes().size(), 11u);
}

TEST(Sarif, A_fingerprint_tells_findings_apart_and_has_no_address_in_it) {
  const auto print = [](const Finding& finding) {
    return results_of(report_with({finding}))[0]["partialFingerprints"]["behalf/v1"].get<std::string>();
  };
  const Finding first = lost("openat", "/home/alice/note.txt");
  Finding moved = first;
  moved.sequence = 99;
  moved.call = 3;
  moved.leg = "warm";
  moved.folded = 7;
  moved.effect->object = "/home/alice/other.txt";
  moved.stack[1].line = 400;
  EXPECT_EQ(print(first), print(moved));
  for (const auto& change : std::vector<std::function<void(Finding&)>>{
           [](Finding& f) { f.code = "B101"; }, [](Finding& f) { f.hop = "thread"; },
           [](Finding& f) { f.kind = "leaked"; }, [](Finding& f) { f.effect->call = "unlinkat"; },
           [](Finding& f) { f.effect.reset(); }, [](Finding& f) { f.stack[1].function = "elsewhere"; }}) {
    Finding other = first;
    change(other);
    EXPECT_NE(print(first), print(other));
  }
}

TEST(Sarif, Paths_are_relative_where_they_can_be_and_never_lead_out) {
  const auto place = [](const std::string& file, const std::string& directory) {
    Finding finding = lost("openat", "/x");
    finding.stack[1].file = file;
    const json at = results_of(report_with({finding}), directory)[0]["locations"][0];
    return at.contains("physicalLocation") ? at["physicalLocation"]["artifactLocation"]["uri"].get<std::string>() : "";
  };
  EXPECT_EQ(place("/src/a/mine.cc", "/src"), "a/mine.cc");
  EXPECT_EQ(place("/src/a/../b c#%.cc", "/src"), "b%20c%23%25.cc");
  EXPECT_EQ(place("/other/mine.cc", "/src"), "file:///other/mine.cc");
  EXPECT_EQ(place("/srcs/mine.cc", "/src"), "file:///srcs/mine.cc");
  EXPECT_EQ(place("../sysdeps/open64.c", "/src"), "");
  EXPECT_EQ(place("./nptl/pthread_create.c", "/src"), "");
}

TEST(Sarif, Long_and_broken_text_is_cut_between_characters) {
  std::string object(2000, 'x');
  for (std::size_t i = 900; i + 2 < object.size(); i += 2) object.replace(i, 2, "\u00e9");
  const json result = results_of(report_with({lost("openat", object)}))[0];
  EXPECT_LE(result["message"]["text"].get<std::string>().size(), 1024u);
  EXPECT_THAT(results_of(report_with({lost("openat", "/\xff\xfe")}))[0]["message"]["text"].get<std::string>(),
              HasSubstr("/\ufffd\ufffd"));
}

TEST(Sarif, What_is_beyond_the_limit_is_said_to_be_left_out) {
  std::vector<Finding> findings;
  for (int i = 0; i < 5003; ++i) {
    findings.push_back(lost("openat", "/x"));
    findings.back().stack[1].function = "work" + std::to_string(i);
  }
  const json run = json::parse(sarif_of(report_with(findings), 1, "/"))["runs"][0];
  EXPECT_EQ(run["results"].size(), 5000u);
  EXPECT_THAT(run["invocations"][0]["toolExecutionNotifications"].dump(), HasSubstr("3 more results"));
}

class BaselineFile : public testing::Test {
 protected:
  BaselineFile() : file_(testing::TempDir() + "behalf-baseline.json") {}
  ~BaselineFile() override { std::filesystem::remove(file_); }
  Baseline baseline(const Report& report) {
    std::ofstream(file_) << json_of(report);
    return read_baseline(file_);
  }
  std::string file_;
};

Report with(Answer answer, const std::string& posture = "full") {
  Report report = report_with({}, posture);
  report.operations[0].answers.verdicts[0].answer = answer;
  if (answer == Answer::fails) report.operations[0].answers.verdicts[0].findings = {lost("openat", "/x")};
  return report;
}

TEST_F(BaselineFile, Worse_is_whatever_is_further_from_works) {
  const Answer order[] = {Answer::fails, Answer::unclear, Answer::works};
  for (int was = 0; was < 3; ++was)
    for (int is = 0; is < 3; ++is) {
      const Comparison comparison = compare(baseline(with(order[was])), with(order[is]), {}, {});
      EXPECT_EQ(comparison.worse.size(), is < was ? 1u : 0u) << was << is;
      EXPECT_EQ(comparison.better.size(), is > was ? 1u : 0u) << was << is;
    }
}

TEST_F(BaselineFile, What_was_not_asked_for_is_not_gone) {
  const Baseline old = baseline(with(Answer::works, "files"));
  const Report now = with(Answer::works, "full");
  EXPECT_EQ(compare(old, now, {}, {}).gone.size(), 1u);
  EXPECT_EQ(compare(old, now, {"operation"}, {"files", "full"}).gone.size(), 1u);
  EXPECT_EQ(compare(old, now, {"queues"}, {}).gone.size(), 0u);
  EXPECT_EQ(compare(old, now, {}, {"full"}).gone.size(), 0u);
  EXPECT_EQ(compare(old, now, {}, {}).fresh.size(), 1u);
}

Report with_cure(Answer cured) {
  Report report = with(Answer::fails);
  report.operations[0].answers.inquiry.family = "threads";
  report.operations[0].cure = {"write it otherwise", "operation/cured", with(cured).operations[0].answers.verdicts};
  if (cured == Answer::unclear) report.operations[0].cure.verdicts[0].reasons = {"a leg could not be run"};
  return report;
}

TEST_F(BaselineFile, A_cure_is_compared_too) {
  const Comparison worse = compare(baseline(with_cure(Answer::works)), with_cure(Answer::fails), {}, {});
  ASSERT_EQ(worse.worse.size(), 1u);
  EXPECT_EQ(worse.worse[0].name, "operation/cured");
  EXPECT_THAT(worse.worse[0].why, HasSubstr("lost: openat /x as root"));
  EXPECT_TRUE(got_worse(worse));
  EXPECT_EQ(compare(baseline(with_cure(Answer::unclear)), with_cure(Answer::works), {}, {}).better.size(), 1u);
  Report without = with_cure(Answer::works);
  without.operations[0].cure = {};
  EXPECT_EQ(compare(baseline(with_cure(Answer::works)), without, {"operation"}, {}).gone.size(), 1u);
  EXPECT_EQ(compare(baseline(with_cure(Answer::works)), without, {"queues"}, {}).gone.size(), 0u);
  EXPECT_EQ(compare(baseline(without), with_cure(Answer::works), {}, {}).fresh.size(), 1u);
}

TEST_F(BaselineFile, What_is_suppressed_is_listed_and_no_failure) {
  Report now = with(Answer::fails);
  now.operations[0].answers.verdicts[0].findings[0].suppressed = Suppressed{"it is known", "known.txt", 1, ""};
  const Comparison comparison = compare(baseline(with(Answer::works)), now, {}, {});
  ASSERT_EQ(comparison.worse.size(), 1u);
  EXPECT_TRUE(comparison.worse[0].suppressed);
  EXPECT_FALSE(got_worse(comparison));
}

TEST_F(BaselineFile, Every_format_of_a_survey_says_the_changes) {
  Report now = with_cure(Answer::works);
  now.operations[0].answers.verdicts.push_back(now.operations[0].answers.verdicts[0]);
  now.operations[0].answers.verdicts[1].posture = "files";
  Report old = now;
  for (Verdict& verdict : old.operations[0].answers.verdicts) verdict.answer = Answer::works, verdict.findings.clear();
  now.baseline = compare(baseline(old), now, {}, {});
  EXPECT_EQ(now.baseline->worse.size(), 2u);
  const std::string text = text_of_survey(now, {.width = 120}), markdown = markdown_of_survey(now),
                    html = html_of_survey(now);
  EXPECT_THAT(text,
              HasSubstr("  worse   threads/operation  full, files  works -> fails\n          lost: openat /x as root"));
  EXPECT_THAT(text, HasSubstr("BASELINE: behalf: 2 worse, 0 better, 0 new, 0 gone"));
  EXPECT_THAT(markdown,
              HasSubstr("* **worse** `threads/operation` (full, files): works -> fails. lost: openat /x as root"));
  EXPECT_THAT(html,
              HasSubstr("<code>threads/operation</code> <span class=\"soft\">full, files</span> works -&gt; fails"));
  EXPECT_THAT(html, HasSubstr("2 worse, 0 better"));
  EXPECT_EQ(json::parse(json_of(now))["baseline"]["worse"].size(), 2u);
  EXPECT_THAT(sarif_of(now, 1, "/"), HasSubstr("got worse than in the baseline"));
}

TEST(Folded, Says_what_has_a_code_of_its_own) {
  Finding finding = lost("openat", "/x"), other = lost("access", "/y");
  EXPECT_EQ(folded_in_words(finding), "");
  finding.folded = 1;
  EXPECT_EQ(folded_in_words(finding), "1 more that follows from it or repeats it");
  other.code = "B601";
  finding.folded = 4;
  finding.within = {lost("connect", "/z"), other, other};
  const std::string words =
      "4 more that follow from it or repeat it, among them lost: access /y as root, by a thread made before the call "
      "[B601]";
  EXPECT_EQ(folded_in_words(finding), words);
  EXPECT_THAT(html_of_check(report_with({finding})), HasSubstr(words));
  EXPECT_THAT(text_of_check(report_with({finding}), {}), HasSubstr("[B601]"));
}

TEST(Markdown, Is_a_table_whatever_its_words_are) {
  Report report = report_with({lost("openat", "/srv/a|b\n<script>")});
  report.operations[0].title = "O_CREAT|O_EXCL";
  report.operations[0].answers.inquiry.postures = {"full"};
  report.self_check = false;
  report.self_check_trouble = "the canary was not caught";
  const std::string text = markdown_of_survey(report);
  EXPECT_THAT(text, HasSubstr("| O_CREAT\\|O_EXCL | fails | lost: openat /srv/a\\|b &lt;script> as root"));
  EXPECT_THAT(text, HasSubstr("behalf::bind")) << "the code's cure, where the row has none";
  EXPECT_THAT(text, HasSubstr("* full: 0 work, 1 fail, 0 unclear"));
  EXPECT_THAT(text, HasSubstr("nothing here is said to work. the canary"));
}

TEST(Page, Is_one_file_that_asks_for_nothing) {
  Report report = report_with({lost("openat", "/x")});
  report.operations[0].title = "</title><script>alert(1)</script>";
  report.operations[0].answers.inquiry.family = "\"><svg onload=alert(1)>";
  for (const std::string& html : {html_of_check(report), html_of_survey(report)}) {
    EXPECT_THAT(html, HasSubstr("default-src 'none'"));
    for (const char* never : {"http://", "https://", "@import", "<link", "<svg onload", "<script>alert"})
      EXPECT_THAT(html, Not(HasSubstr(never)));
  }
}

}  // namespace
}  // namespace behalf::tool
