// The cure of this family: the home directory of the user whom the thread works for.
#pragma once

#include <pwd.h>

#include <array>
#include <string>

#include "row.h"

namespace behalf_row {

// From the account database, by the effective uid: neither the environment nor the real uid is the user's.
inline std::string home_of_caller() {
  passwd account{};
  passwd* found = nullptr;
  std::array<char, 4096> text{};
  getpwuid_r(geteuid(), &account, text.data(), text.size(), &found);
  return found == nullptr ? "" : found->pw_dir;
}

}  // namespace behalf_row
