// What a Token shares: the identity, and what a thread is while it wears it, worked out when the token is made.
#pragma once

#include <memory>
#include <string>

#include "behalf/level.h"
#include "behalf/posture.h"
#include "identity/credentials.h"

namespace behalf::detail {

// What a user who was delegated to the service is presented further with: the name of its place, which no other has,
// and what keeps it there. An engine's (remote/kerberos); nothing here looks into it.
struct Tickets {
  std::string place;
  std::shared_ptr<const void> kept;

  friend bool operator==(const Tickets& a, const Tickets& b) noexcept { return a.place == b.place; }
};

struct TokenData {
  enum class Kind {
    user,     // somebody the service works for
    service,  // the service, as initialize() found it
    found,    // a thread in a state that no token of ours describes
  };

  std::size_t hash = 0;  // looked at first, and most
  Kind kind = Kind::user;
  uid_t uid = no_id;
  gid_t gid = no_id;
  std::string name;
  std::string home;
  std::string shell;
  Level level = Level::impersonation;
  Posture posture = Posture::full;
  Capabilities kept = 0;  // stay effective while worn, by with_capabilities
  Credentials wear;
  Tickets tickets;  // of level `delegation` only

  friend bool operator==(const TokenData&, const TokenData&) = default;
};

using TokenPtr = std::shared_ptr<const TokenData>;

// Also of the process itself before initialize(), which has no token.
inline std::size_t hash_of(const TokenData* token) noexcept {
  return token == nullptr ? 0 : token->hash;
}

inline bool same(const TokenPtr& a, const TokenPtr& b) noexcept {
  return a == b || (a != nullptr && b != nullptr && a->hash == b->hash && *a == *b);
}

// The same with its hash. Every token is finished by this.
TokenPtr finish(TokenData data);

// To compare with later: equal to it, and does not keep its tickets there.
TokenPtr to_compare_with(const TokenPtr& token);

// That user at level `delegation`, with these.
TokenPtr with_tickets(const TokenData& user, Tickets tickets);

}  // namespace behalf::detail
