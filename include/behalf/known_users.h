// KnownUsers: tokens by name or uid, asked of the account database once and kept for a while. For a server that is told
// a name with each request: a look-up takes some dozens of system calls or a directory's answer, wearing none.
//
//   behalf::KnownUsers users({.lives = std::chrono::minutes(5)});
//   behalf::Impersonation as{users.for_user(request.user)};
//
// Only answers are kept. That there is no such user, that the database could not be asked or gave a part of the groups
// is told to who asked and forgotten: the next one asks anew, and nobody goes without groups for an outage that is
// over.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <variant>

#include "behalf/token.h"

namespace behalf {

struct KnownUsersOptions {
  // How many are kept. For one more, the one that was asked for longest ago is dropped.
  std::size_t at_most = 4096;
  // How long one is given out after it was looked up: as long as a change of the user's groups may go unseen.
  std::chrono::nanoseconds lives = std::chrono::minutes(1);
};

class KnownUsers {
 public:
  explicit KnownUsers(const KnownUsersOptions& options = {}) : options_(options) {}
  KnownUsers(const KnownUsers&) = delete;
  KnownUsers& operator=(const KnownUsers&) = delete;

  // As Token::for_user() and for_uid(), but also where the thread impersonates: the database is asked as the service.
  //
  // Errors: theirs but inside_impersonation; as of AsService. Nothing is kept then. Thread-safe: no look-up waits for
  // another. Cost: a lock and no system call where it is known, else a look-up, and an AsService where somebody is
  // worn.
  [[nodiscard]] Token for_user(const std::string& name);
  [[nodiscard]] Token for_uid(uid_t uid);

  // Effects: is looked up anew when it is next asked for; what is being looked up just now is for those who have asked
  // before. Errors: none. Thread-safe.
  void forget(const std::string& name) noexcept;
  void forget(uid_t uid) noexcept;
  void clear() noexcept;

  // How many are kept now. Thread-safe.
  [[nodiscard]] std::size_t size() const;

 private:
  using Whom = std::variant<std::string, uid_t>;
  struct Known {
    Whom whom;
    Token token;
    std::chrono::steady_clock::time_point since;
  };
  using Order = std::list<Known>;  // what was asked for last comes first

  template <class LookUp>
  Token find(const Whom& whom, const LookUp& look_up);
  void drop(const Whom& whom) noexcept;

  const KnownUsersOptions options_;
  mutable std::mutex mutex_;
  Order order_;
  std::map<Whom, Order::iterator> by_whom_;
  std::uint64_t forgotten_ = 0;  // how often somebody was
};

}  // namespace behalf
