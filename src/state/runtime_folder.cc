#include "state/runtime_folder.h"

#include <sys/stat.h>

namespace behalf::detail {

std::string runtime_folder_of(const Account& person) {
  return "/run/user/" + std::to_string(person.uid);
}

bool is_hers_alone(const std::string& folder, const Account& person) noexcept {
  struct stat status {};
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == person.uid &&
         (status.st_mode & 0077) == 0;
}

}  // namespace behalf::detail
