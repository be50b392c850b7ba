// Calls written as C: what is read, and what is said when it cannot be.
#include "call/prototype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <climits>

namespace behalf::tool::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Typed {
  const char* type;
  Returned returned;
  unsigned bits;
};
void PrintTo(const Typed& typed, std::ostream* out) {
  *out << typed.type;
}

class Prototype_type : public ::testing::TestWithParam<Typed> {};
TEST_P(Prototype_type, is_read_in_the_usual_spellings) {
  const Prototype read = parse_prototype(std::string(GetParam().type) + " f(void)");
  EXPECT_EQ(read.name, "f");
  EXPECT_EQ(read.returned, GetParam().returned);
  EXPECT_EQ(read.bits, GetParam().bits);
  EXPECT_THAT(read.arguments, IsEmpty());
}
constexpr auto number = Returned::number, natural = Returned::natural, text = Returned::text,
               pointer = Returned::pointer;
INSTANTIATE_TEST_SUITE_P(
    , Prototype_type,
    ::testing::Values(
        Typed{"int", number, 32}, Typed{"signed", number, 32}, Typed{"unsigned", natural, 32},
        Typed{"unsigned int", natural, 32}, Typed{"int unsigned", natural, 32}, Typed{"long", number, 64},
        Typed{"long int", number, 64}, Typed{"unsigned long", natural, 64}, Typed{"long unsigned int", natural, 64},
        Typed{"long long", number, 64}, Typed{"unsigned long long int", natural, 64}, Typed{"short", number, 16},
        Typed{"unsigned short int", natural, 16}, Typed{"signed char", number, 8}, Typed{"unsigned char", natural, 8},
        Typed{"bool", natural, 8}, Typed{"_Bool", natural, 8}, Typed{"size_t", natural, 64},
        Typed{"ssize_t", number, 64}, Typed{"int32_t", number, 32}, Typed{"uint16_t", natural, 16},
        Typed{"pid_t", number, 32}, Typed{"uid_t", natural, 32}, Typed{"gid_t", natural, 32},
        Typed{"const int", number, 32}, Typed{"int const", number, 32}, Typed{"extern int", number, 32},
        Typed{"enum shape", number, 32}, Typed{"void", Returned::nothing, 0}, Typed{"char *", text, 64},
        Typed{"char*", text, 64}, Typed{"const char *", text, 64}, Typed{"char const*", text, 64},
        Typed{"const char * const", text, 64}, Typed{"unsigned char *", text, 64}, Typed{"const gchar *", text, 64},
        Typed{"char **", pointer, 64}, Typed{"void *", pointer, 64}, Typed{"FILE *", pointer, 64},
        Typed{"struct passwd *", pointer, 64}, Typed{"int *", pointer, 64}, Typed{"double *", pointer, 64}));

TEST(Prototype, of_a_name_alone_is_int_NAME_void) {
  for (const char* written :
       {"f", " f ", "f()", "f(void)", "int f", "int f()", "int f(void);", "\tint\n f ( void ) ; "}) {
    const Prototype read = parse_prototype(written);
    EXPECT_EQ(read.name, "f") << written;
    EXPECT_EQ(read.returned, Returned::number) << written;
    EXPECT_EQ(read.bits, 32U) << written;
    EXPECT_EQ(to_string(read), "f") << written;
  }
}

TEST(Prototype, reads_integers_of_every_base) {
  const auto value = [](const std::string& written) {
    return parse_prototype("int f(" + written + ")").arguments.at(0).number;
  };
  EXPECT_EQ(value("4"), 4);
  EXPECT_EQ(value("-4"), -4);
  EXPECT_EQ(value("- 4"), -4);
  EXPECT_EQ(value("+4"), 4);
  EXPECT_EQ(value("0"), 0);
  EXPECT_EQ(value("0644"), 0644);
  EXPECT_EQ(value("0x1fUL"), 31);
  EXPECT_EQ(value("-0x10"), -16);
  EXPECT_EQ(value("4ull"), 4);
  EXPECT_EQ(value("18446744073709551615"), -1);
  EXPECT_EQ(value("-9223372036854775808"), LONG_MIN);
  EXPECT_EQ(value("'a'"), 'a');
  EXPECT_EQ(value(R"('\n')"), '\n');
  EXPECT_EQ(value(R"('\'')"), '\'');
  EXPECT_EQ(value("true"), 1);
  EXPECT_EQ(value("false"), 0);
}

TEST(Prototype, reads_strings_with_the_escapes_of_C) {
  const auto value = [](const std::string& written) {
    const Prototype read = parse_prototype("int f(" + written + ")");
    EXPECT_EQ(read.arguments.at(0).kind, Argument::Kind::text);
    return read.arguments.at(0).text;
  };
  EXPECT_EQ(value(R"("")"), "");
  EXPECT_EQ(value(R"x("/srv/a, b)")x"), "/srv/a, b)");
  EXPECT_EQ(value(R"x("a\n\t\\\"\?")x"), "a\n\t\\\"?");
  EXPECT_EQ(value(R"("\x41\101\0z")"), std::string("AA\0z", 4));
  EXPECT_EQ(value(R"("\1234")"), "S4") << "three octal digits at most";
  EXPECT_EQ(value(R"("\u00e9\U0001F600")"), "\u00e9\U0001F600");
  EXPECT_EQ(value("\"\u00e9\""), "\u00e9");
  EXPECT_EQ(value(R"("a" "b"  "c")"), "abc");
}

TEST(Prototype, reads_NULL_and_several_arguments) {
  const Prototype read = parse_prototype(R"(void *f("x", NULL, -1, nullptr))");
  ASSERT_THAT(read.arguments, SizeIs(4));
  EXPECT_EQ(read.arguments[1].kind, Argument::Kind::null);
  EXPECT_EQ(read.arguments[3].kind, Argument::Kind::null);
  EXPECT_EQ(read.fixed, std::nullopt);
  EXPECT_EQ(to_string(read), R"(f("x", NULL, -1, NULL))");
}

TEST(Prototype, reads_where_the_variable_arguments_begin) {
  const Prototype read = parse_prototype(R"(int printf("%d %s\n", ..., 5, "x"))");
  EXPECT_EQ(read.fixed, 1U);
  EXPECT_THAT(read.arguments, SizeIs(3));
  EXPECT_EQ(to_string(read), R"(printf("%d %s\n", ..., 5, "x"))");
}

TEST(Prototype, is_written_so_that_it_can_be_read_again) {
  for (const char* written : {R"(int f("a\"b\\c\n\001\177é", -7, NULL))", R"(int f("x", ..., 1))", R"(int f("x", ...))",
                              R"(int f(""))", "int f(18446744073709551615)"}) {
    const std::string once = "int " + to_string(parse_prototype(written));
    EXPECT_EQ("int " + to_string(parse_prototype(once)), once);
  }
}

struct Bad {
  const char* written;
  std::size_t column;
  const char* says;
};
void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.written;
}

class Prototype_that_is_wrong : public ::testing::TestWithParam<Bad> {};
TEST_P(Prototype_that_is_wrong, is_refused_with_the_column_and_what_to_do) {
  try {
    parse_prototype(GetParam().written);
    FAIL() << "it was read";
  } catch (const PrototypeError& error) {
    EXPECT_EQ(error.column(), GetParam().column) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(GetParam().says));
  }
}
INSTANTIATE_TEST_SUITE_P(
    , Prototype_that_is_wrong,
    ::testing::Values(Bad{"", 1, "ends too early"}, Bad{"int", 1, "name of the function is missing"},
                      Bad{"unsigned long", 10, "name of the function is missing"},
                      Bad{"char *", 1, "name of the function is missing"}, Bad{"(f)", 1, "'(' is out of place"},
                      Bad{"int f(", 7, "ends too early"}, Bad{"int f(1", 8, "comma or a closing parenthesis"},
                      Bad{"int f(1 2)", 9, "comma"}, Bad{"int f(1,)", 9, "missing after the comma"},
                      Bad{"int f(,1)", 7, "out of place"}, Bad{"int f(1) g", 10, "nothing may follow"},
                      Bad{"int f(\"x)", 7, "has no end: close it with \""}, Bad{"int f('a)", 7, "has no end"},
                      Bad{"int f('ab')", 7, "double quotes"}, Bad{"int f('')", 7, "one byte"},
                      Bad{"int f(\"\\q\")", 8, "no such escape"}, Bad{"int f(\"\\xg\")", 8, "digits are missing"},
                      Bad{"int f(\"\\x100\")", 8, "more than fits"}, Bad{"int f(\"\\777\")", 8, "more than fits"},
                      Bad{"int f(\"\\u12\")", 8, "digits are missing"}, Bad{"int f(\"\\ud800\")", 8, "surrogate"},
                      Bad{"int f(08)", 8, "octal"}, Bad{"int f(0x)", 7, "hexadecimal"},
                      Bad{"int f(18446744073709551616)", 7, "64 bits"}, Bad{"int f(1.5)", 7, "floating-point"},
                      Bad{"int f(4x)", 8, "does not end here"}, Bad{"int f(R_OK)", 7, "as its number"},
                      Bad{"int f(int)", 7, "no types"}, Bad{"int f(void, 1)", 7, "no types"},
                      Bad{"f(1)", 1, "what does it return"}, Bad{"foo_t f(void)", 1, "'foo_t' is no type"},
                      Bad{"double f(void)", 1, "cannot be compared"}, Bad{"struct s f(void)", 1, "cannot be compared"},
                      Bad{"long short f(void)", 1, "no type"}, Bad{"int int f(void)", 1, "no type"},
                      Bad{"a b c f(void)", 3, "too many words"}, Bad{"char * int f(void)", 12, "star"},
                      Bad{"const f(void)", 1, "a type is missing"}, Bad{"std::f()", 4, "cannot stand here"},
                      Bad{"int f(void) {}", 13, "cannot stand here"}, Bad{"int f(&x)", 7, "cannot stand here"},
                      Bad{"int f(...)", 7, "fixed argument"}, Bad{"int f(1, ..., ...)", 15, "one '...' only"},
                      Bad{"int f(\xff)", 7, "no part of C"},
                      Bad{"int (*f)(void)", 1, "name of the function is missing"}));

TEST(Prototype, refuses_more_arguments_than_a_call_needs) {
  std::string many = "int f(0";
  for (int i = 1; i < 32; ++i) many += ",0";
  EXPECT_THAT(parse_prototype(many + ")").arguments, SizeIs(32));
  EXPECT_THROW(parse_prototype(many + ",0)"), PrototypeError);
}

}  // namespace
}  // namespace behalf::tool::testing
