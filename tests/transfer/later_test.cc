// When a time is over that begins at some point: "for ever" never is, and no sum runs over the ends of time.
#include "transfer/later.h"

#include <gtest/gtest.h>

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using Point = std::chrono::steady_clock::time_point;
using detail::later;

TEST(A_time_that_begins_now, is_over_when_it_says_or_never_and_not_before_it_begins) {
  const Point now{1h};
  EXPECT_EQ(later(now, 5ms), Point(1h + 5ms));
  EXPECT_EQ(later(now, 0s), now);
  EXPECT_EQ(later(now, std::chrono::nanoseconds::max()), Point::max());
  EXPECT_EQ(later(now, std::chrono::milliseconds::max()), Point::max());
  EXPECT_EQ(later(now, std::chrono::seconds::max()), Point::max());
  EXPECT_EQ(later(now, Point::max() - now - 1ns), Point::max() - 1ns);
  EXPECT_EQ(later(now, -1ns), now);
  EXPECT_EQ(later(now, std::chrono::nanoseconds::min()), now);
  EXPECT_EQ(later(now, std::chrono::seconds::min()), now);
  EXPECT_EQ(detail::from_now(std::chrono::seconds::max()), Point::max());
  EXPECT_GE(detail::from_now(std::chrono::seconds::min()), std::chrono::steady_clock::now() - 1h);
}

}  // namespace
}  // namespace behalf::testing
