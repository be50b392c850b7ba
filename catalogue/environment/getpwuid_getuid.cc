#include <pwd.h>

#include <array>

#include "environment/home_of_caller.h"
#include "row.h"

BEHALF_ROW(R"(
title:  getpwuid(getuid()), "who am I?"
works:  full
hop:    real-id
clock:  real-id
wrong:  getuid is the real uid: the service's where only other ids were changed, the spare account's in `shielded`
cure:   geteuid(2), and never with `files`; or behalf::worn(), which knows the name
source: getuid(2)
)")

extern "C" int operation() {
  passwd account{};
  passwd* found = nullptr;
  std::array<char, 4096> text{};
  getpwuid_r(getuid(), &account, text.data(), text.size(), &found);
  std::printf("home is %s\n", found == nullptr ? "unknown" : found->pw_dir);
  return 0;
}

extern "C" int cured() {
  std::printf("home is %s\n", behalf_row::home_of_caller().c_str());
  return 0;
}
