#include <glib.h>
#include <pwd.h>

#include <array>

#include "row.h"

BEHALF_ROW(R"(
title:  g_get_user_name
works:  none
hop:    cache
clock:  first-caller
wrong:  it looks up the real uid at the first call of the process, and gives that name to every later caller
cure:   getpwuid_r(geteuid()), or behalf::worn(), which knows the name
needs:  glib-2.0
source: measured by this row
)")

extern "C" int operation() {
  std::printf("the user is %s\n", g_get_user_name());
  return 0;
}

extern "C" int cured() {
  passwd account{};
  passwd* found = nullptr;
  std::array<char, 4096> text{};
  getpwuid_r(geteuid(), &account, text.data(), text.size(), &found);
  std::printf("the user is %s\n", found == nullptr ? "unknown" : found->pw_name);
  return 0;
}
