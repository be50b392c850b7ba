// Numbers that the kernel tells in a file.
#include "identity/numbers_in_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace behalf::testing {
namespace {

std::vector<std::uint64_t> numbers_in(const std::string& text) {
  char path[] = "/tmp/behalf-numbers-XXXXXX";
  const int fd = ::mkstemp(path);
  std::ofstream(path) << text;
  std::vector<std::uint64_t> numbers = detail::numbers_in_file(path);
  ::unlink(path);
  ::close(fd);
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST(Numbers_in_a_file, are_all_of_them_in_their_order) {
  EXPECT_EQ(numbers_in("         0       1000          1\n       1     100000      65536\n"),
            (Numbers{0, 1000, 1, 1, 100000, 65536}));
  EXPECT_EQ(numbers_in("65534\n"), Numbers{65534});
  EXPECT_EQ(numbers_in("7\t8"), (Numbers{7, 8}));
}

TEST(Numbers_in_a_file, go_as_far_as_they_are_numbers) {
  EXPECT_EQ(numbers_in("1 2 three 4"), (Numbers{1, 2}));
  EXPECT_EQ(numbers_in("1 -2"), Numbers{1});
  EXPECT_EQ(numbers_in("1 99999999999999999999999 2"), Numbers{1});
  EXPECT_EQ(numbers_in(""), Numbers{});
  EXPECT_EQ(numbers_in("\n"), Numbers{});
}

TEST(Numbers_in_a_file, may_be_more_than_one_read_gives) {
  std::string text;
  Numbers wanted;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    text += std::to_string(1'000'000 + i) + '\n';
    wanted.push_back(1'000'000 + i);
  }
  EXPECT_EQ(numbers_in(text), wanted);
}

TEST(Numbers_in_a_file, are_none_where_it_cannot_be_read) {
  EXPECT_EQ(detail::numbers_in_file("/nonexistent"), Numbers{});
  EXPECT_EQ(detail::numbers_in_file("/"), Numbers{});
}

TEST(Numbers_in_a_file, are_those_of_this_process) {
  const Numbers map = detail::numbers_in_file("/proc/self/uid_map");
  ASSERT_GE(map.size(), 3U);
  EXPECT_EQ(map.size() % 3, 0U);
}

}  // namespace
}  // namespace behalf::testing
