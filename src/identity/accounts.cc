#include "identity/accounts.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>

#include "behalf/error.h"
#include "identity/errors.h"

namespace behalf::detail {

namespace {

constexpr std::size_t first_buffer = 1024;
constexpr std::size_t largest_buffer = std::size_t{1} << 24;

// One getpw*_r call with a buffer that grows until the entry fits.
template <class Lookup>
Account look_up(const std::string& whom, Lookup lookup) {
  std::vector<char> buffer(first_buffer);
  for (;;) {
    passwd entry{};
    passwd* found = nullptr;
    const int error = lookup(&entry, buffer.data(), buffer.size(), &found);
    if (error == EINTR) continue;
    if (error == ERANGE && buffer.size() < largest_buffer) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (found != nullptr) {
      const auto text = [](const char* field) { return std::string{field != nullptr ? field : ""}; };
      return {text(found->pw_name), found->pw_uid, found->pw_gid, text(found->pw_dir), text(found->pw_shell)};
    }
    // getpwnam(3): several error numbers stand for "not found" as well.
    const bool unknown = error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
    if (unknown) {
      throw Error(Error::Reason::unknown_user,
                  "behalf: look up " + whom + ": the account database knows no such user (`getent passwd` shows whom)");
    }
    throw Error(Error::Reason::platform,
                "behalf: look up " + whom + ": the account database could not be asked: " + error_words(error), error);
  }
}

Error incomplete(const Account& account, const std::string& why) {
  return Error(Error::Reason::incomplete_groups,
               "behalf: groups of " + account.name + ": " + why + ". Nobody is impersonated with a part of the groups");
}

}  // namespace

Account account_of(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos) {
    throw Error(Error::Reason::unknown_user, "behalf: look up a user: the name is empty or contains a zero byte");
  }
  return look_up("user " + name, [&name](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
  });
}

Account account_of(uid_t uid) {
  return look_up("uid " + std::to_string(uid), [uid](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwuid_r(uid, entry, buffer, size, found);
  });
}

std::vector<gid_t> groups_of(const Account& account) {
  // The list can grow between two calls, so only what one successful call filled is used: the rest of the buffer is
  // zeros, and zero is root's group.
  std::vector<gid_t> groups(32);
  for (;;) {
    int count = static_cast<int>(groups.size());
    if (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      break;
    }
    if (groups.size() > NGROUPS_MAX) throw incomplete(account, "more than the kernel takes (NGROUPS_MAX)");
    groups.resize(std::max(groups.size() * 2, static_cast<std::size_t>(std::max(count, 0))));
  }
  if (groups.size() > NGROUPS_MAX) throw incomplete(account, "more than the kernel takes (NGROUPS_MAX)");
  if (std::find(groups.begin(), groups.end(), account.gid) == groups.end()) {
    throw incomplete(account, "the account database gave a list without the primary group");
  }
  return groups;
}

}  // namespace behalf::detail
