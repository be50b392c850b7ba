// The cure of this family: the home directory of the user whom the thread works for.
#pragma once

#include <behalf/known_folder.h>

#include <string>

#include "row.h"

namespace behalf_row {

// By the token, or the account database: neither the environment nor the real uid is the user's.
inline std::string home_of_caller() {
  return behalf::known_folder(behalf::Folder::home).string();
}

}  // namespace behalf_row
