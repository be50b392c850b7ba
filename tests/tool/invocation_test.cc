// Calls that were written down, made.
#include "call/invocation.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

// The strings of a call are never freed: the function may keep them.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:behalf::tool::Invocation::operator()\n";
}

namespace behalf::tool::testing {
namespace {

template <typename Function>
unsigned long call(const std::string& written, Function* function) {
  return Invocation(parse_prototype(written), reinterpret_cast<void*>(function))();
}

TEST(Invocation, gives_arguments_of_every_width) {
  EXPECT_EQ(call(
                "long f(-1, 2, 3, -4, 5, 6, 7, -8)",
                +[](signed char a, unsigned char b, short c, int d, unsigned e, long f, int g, long h) -> long {
                  return a == -1 && b == 2 && c == 3 && d == -4 && e == 5 && f == 6 && g == 7 && h == -8 ? 42 : 0;
                }),
            42U);
}

TEST(Invocation, widens_what_is_returned_with_its_sign) {
  EXPECT_EQ(call(
                "int f(void)", +[] { return -2; }),
            static_cast<unsigned long>(-2));
  EXPECT_EQ(call(
                "signed char f(void)", +[]() -> signed char { return -3; }),
            static_cast<unsigned long>(-3));
  EXPECT_EQ(call(
                "unsigned f(void)", +[] { return ~0U; }),
            0xffffffffUL);
  EXPECT_EQ(call(
                "unsigned long f(void)", +[] { return ~0UL; }),
            ~0UL);
  EXPECT_EQ(call(
                "bool f(void)", +[] { return true; }),
            1U);
  EXPECT_EQ(call(
                "void f(void)", +[] {}),
            0U);
}

TEST(Invocation, gives_every_call_strings_of_its_own) {
  const Invocation overwrite(parse_prototype(R"(bool f("fresh"))"), reinterpret_cast<void*>(+[](char* text) {
                               const bool fresh = std::strcmp(text, "fresh") == 0;
                               text[0] = 'F';
                               return fresh;
                             }));
  EXPECT_EQ(overwrite(), 1U);
  EXPECT_EQ(overwrite(), 1U);
}

TEST(Invocation, gives_NULL_and_variable_arguments) {
  EXPECT_EQ(call(
                "bool f(NULL)", +[](const void* p) { return p == nullptr; }),
            1U);
  static char buffer[64];
  const auto print = +[](const char* format, const char* text, int number) {
    return std::snprintf(buffer, sizeof buffer, format, text, number);
  };
  EXPECT_EQ(call(R"(int f("%s %d", "x", -5))", print), 4U);
  EXPECT_STREQ(buffer, "x -5");
  EXPECT_EQ(call(R"(int snprintf(NULL, 0, "%s %d", ..., "x", -5))", &std::snprintf), 4U);
}

TEST(Invocation, lets_exceptions_through) {
  EXPECT_THROW(call(
                   "int f(void)", +[]() -> int { throw std::runtime_error("thrown"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace behalf::tool::testing
