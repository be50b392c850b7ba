#include <behalf/gtest.h>

BEHALF_DECLARE_OPERATION(reads_note);
BEHALF_DECLARE_OPERATION(reads_setting);

using behalf::WorksWhenImpersonating;

TEST(Notes, are_read_as_the_user) {
  EXPECT_THAT(BEHALF_CHECK(reads_note), WorksWhenImpersonating().InPosture("full").InPosture("effective"));
}

// This one fails, and its message says why. The cure: ask for the home of who the thread is, not of the process.
TEST(Notes, have_settings_of_the_user) {
  EXPECT_THAT(BEHALF_CHECK(reads_setting), WorksWhenImpersonating());
}

// Any function of any library can be asked about, as well.
TEST(Home, of_glibc_s_environment_is_the_service_s) {
  EXPECT_THAT(behalf::operation_in("libc.so.6", "char *getenv(\"HOME\")"), ::testing::Not(WorksWhenImpersonating()));
}
