// The account database: the name service switch, asked for one user with all groups.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace behalf::detail {

struct Account {
  std::string name;
  uid_t uid;
  gid_t gid;
  std::string home;
  std::string shell;
};

// Throws Error of reason unknown_user, and platform where the database could not be asked.
Account account_of(const std::string& name);
Account account_of(uid_t uid);

// The complete list, the primary group included, as the database gives it. Throws Error of reason incomplete_groups.
std::vector<gid_t> groups_of(const Account& account);

}  // namespace behalf::detail
