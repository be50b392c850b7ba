// Two runs of an oracle make the reference; what they do not share is noise.
#include "judge/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace behalf::tool::testing {
namespace {

using ::testing::HasSubstr;

Outcome printed(const std::string& text, long returned = 0) {
  return {true, returned, text};
}

TEST(Reference, made_of_equal_runs_matches_the_same_and_nothing_else) {
  const Reference reference(printed("reads the note of alice\n"), printed("reads the note of alice\n"));
  EXPECT_TRUE(reference.agrees());
  EXPECT_TRUE(reference.matches(printed("reads the note of alice\n")));
  for (const char* other : {"reads the note of bob\n", "reads the note of alice", "reads the note of alice\n\n", "",
                            "reads  the note of alice\n"})
    EXPECT_FALSE(reference.matches(printed(other))) << other;
  EXPECT_FALSE(reference.matches(printed("reads the note of alice\n", 1)));
  EXPECT_FALSE(reference.matches({false, 0, "reads the note of alice\n"}));
}

TEST(Reference, masks_process_numbers_and_times_and_compares_the_rest) {
  const Reference reference(printed("pid 1201 at 08:14:59.123: user 3001"),
                            printed("pid 1377 at 08:15:00.456: user 3001"));
  EXPECT_TRUE(reference.agrees());
  EXPECT_TRUE(reference.matches(printed("pid 7 at 08:16:01.999: user 3001")));
  EXPECT_FALSE(reference.matches(printed("pid 1201 at 08:14:59.123: user 0")));
  EXPECT_FALSE(reference.matches(printed("pid 1201 at 09:14:59.123: user 3001"))) << "the hour was the same in both";
  EXPECT_FALSE(reference.matches(printed("pid 1201 at 08:14:59: user 3001")));
}

TEST(Reference, masks_names_and_addresses) {
  const Reference reference(printed("made /tmp/x-aB3 at 0x7ffd1000 for alice"),
                            printed("made /tmp/x-zz9 at 0x7fff2000 for alice"));
  EXPECT_TRUE(reference.agrees());
  EXPECT_TRUE(reference.matches(printed("made /tmp/x-Q at 0xdead for alice")));
  EXPECT_FALSE(reference.matches(printed("made /var/x-Q at 0xdead for alice")));
}

TEST(Reference, disagrees_when_the_runs_have_not_the_same_structure) {
  EXPECT_FALSE(Reference(printed("one"), printed("one two")).agrees());
  EXPECT_FALSE(Reference(printed("one"), printed("")).agrees());
}

TEST(Reference, disagrees_when_the_text_around_the_words_differs) {
  EXPECT_FALSE(Reference(printed("user alice"), printed("user-alice")).agrees());
  EXPECT_FALSE(Reference(printed("a/b"), printed("a b")).agrees());
}

TEST(Reference, disagrees_when_nothing_is_left_to_compare) {
  EXPECT_FALSE(Reference(printed("1201\n"), printed("1377\n")).agrees());
  EXPECT_FALSE(Reference(printed("1.2.3"), printed("4.5.6")).agrees());
  EXPECT_FALSE(Reference(printed("- a -"), printed("- b -")).agrees());
}

TEST(Reference, disagrees_when_the_runs_return_or_end_otherwise) {
  EXPECT_FALSE(Reference(printed("same", 1), printed("same", 2)).agrees());
  EXPECT_FALSE(Reference({true, 0, "same"}, {false, 0, "same"}).agrees());
}

TEST(Reference, of_silent_runs_agrees) {
  const Reference reference(printed("", 5), printed("", 5));
  EXPECT_TRUE(reference.agrees());
  EXPECT_TRUE(reference.matches(printed("", 5)));
  EXPECT_FALSE(reference.matches(printed("x", 5)));
}

TEST(Reference, of_any_bytes_is_safe) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const Reference reference(printed(bytes), printed(bytes));
  EXPECT_TRUE(reference.agrees());
  EXPECT_TRUE(reference.matches(printed(bytes)));
  EXPECT_FALSE(reference.matches(printed(bytes.substr(1))));
}

TEST(Reference, compares_what_was_returned_in_words) {
  const auto returned = [](const std::string& answer) { return Outcome{true, 0, "", answer}; };
  const Reference home(returned("\"/home/alice\""), returned("\"/home/alice\""));
  EXPECT_TRUE(home.agrees());
  EXPECT_TRUE(home.matches(returned("\"/home/alice\"")));
  EXPECT_FALSE(home.matches(returned("\"/root\"")));
  EXPECT_FALSE(home.returned_the_same(returned("NULL")));
  EXPECT_FALSE(home.matches(printed("\"/home/alice\""))) << "printed, not returned";
  const Reference noisy(returned("\"/tmp/x-aB3\""), returned("\"/tmp/x-zz9\""));
  EXPECT_TRUE(noisy.matches(returned("\"/tmp/x-Q\"")));
  EXPECT_TRUE(Reference(returned("\"\""), returned("\"\"")).agrees()) << "the empty string";
  EXPECT_FALSE(Reference(returned("NULL"), returned("\"x\"")).agrees());
  EXPECT_TRUE(Reference({true, 0, "same text", "nothing"}, {true, 0, "same text", "nothing"})
                  .returned_the_same({true, 0, "other text", "nothing"}));
}

TEST(Outcome, is_said_in_one_line) {
  EXPECT_EQ(describe({true, 0, "", "NULL"}), "returned NULL");
  EXPECT_LT(describe({true, 0, "", std::string(100000, 'x')}).size(), 250U);
  EXPECT_EQ(describe({false, 0, ""}), "did not return");
  EXPECT_EQ(describe({true, 3, ""}), "returned 3");
  EXPECT_EQ(describe({true, 0, "a\nb\n"}), "returned 0, printed \"a; b\"");
  EXPECT_LT(describe({true, 0, std::string(100000, 'x')}).size(), 250U);
}

TEST(Outcome, is_shown_where_the_other_is_different) {
  const std::string start(1000, 'x');
  EXPECT_THAT(describe({true, 0, start + "alice"}, {true, 0, start + "root"}), HasSubstr("xxalice\""));
  EXPECT_THAT(describe({true, 0, "", start + "alice"}, {true, 0, "", start + "root"}), HasSubstr("xxalice"));
  EXPECT_LT(describe({true, 0, start + start + "a"}, {true, 0, start + "b"}).size(), 250U);
  EXPECT_NE(describe({true, 0, "a\n"}, {true, 0, "a"}), describe({true, 0, "a"}, {true, 0, "a\n"}));
  EXPECT_EQ(describe({true, 0, "a\n"}, {true, 0, "b\n"}), "returned 0, printed \"a\"");
  EXPECT_EQ(describe({true, 0, "a\n"}, {false, 0, ""}), "returned 0, printed \"a\"");
}

TEST(Reference, compares_what_was_printed_beyond_what_is_kept) {
  const Outcome one{true, 0, "same", "", 1}, other{true, 0, "same", "", 2};
  EXPECT_FALSE(Reference(one, other).agrees());
  EXPECT_TRUE(Reference(one, one).matches(one));
  EXPECT_FALSE(Reference(one, one).matches(other));
}

TEST(Outcome, is_that_of_the_call) {
  Call call;
  EXPECT_EQ(outcome_of(call), (Outcome{false, 0, ""}));
  call.ended = true;
  call.returned = -2;
  call.output = "x";
  EXPECT_EQ(outcome_of(call), (Outcome{true, -2, "x"}));
}

}  // namespace
}  // namespace behalf::tool::testing
