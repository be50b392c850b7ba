#include "state/person.h"

#include <unistd.h>

#include "behalf/error.h"
#include "identity/token_data.h"

namespace behalf::detail {

namespace {

// A backend's answer must not come from a cache or a socket of the user's.
template <class Who>
Account ask_as_service(const Who& who) {
  const AsServiceIfAny self;
  return account_of(who);
}

}  // namespace

void must_have_home(const Account& account) {
  if (account.home.empty() || account.home.front() != '/') {
    throw Error(Error::Reason::unknown_user, "behalf: the home of " + account.name + ": the account database says '" +
                                                 account.home + "', which is no absolute path (`getent passwd " +
                                                 account.name + "` shows it)");
  }
}

Account person_of(const Carried& who) {
  const TokenPtr& token = who.data();
  Account account = token == nullptr || token->home.empty()
                        ? ask_as_service(token == nullptr ? ::geteuid() : token->uid)
                        : Account{token->name, token->uid, token->gid, token->home, token->shell};
  must_have_home(account);
  return account;
}

}  // namespace behalf::detail
