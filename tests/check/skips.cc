// A test that asks to be skipped where nothing can be checked.
#include <behalf/gtest.h>

TEST(Skips, where_it_cannot_be_checked) {
  BEHALF_SKIP_IF_IMPOSSIBLE();
  FAIL() << "not skipped";
}
