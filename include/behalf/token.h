// Token: an immutable description of one identity. It is a value: copies share it, it is compared by all of its
// content, and work that still uses it keeps it alive.
//
//   behalf::initialize({});
//   const behalf::Token alice = behalf::Token::for_user("alice");  // the account database is asked here, and only here
//   behalf::Impersonation as{alice};
//
// Whatever may not be impersonated is refused when the token is made, so that a token at hand is one that may be used.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "behalf/error.h"
#include "behalf/ids.h"
#include "behalf/level.h"
#include "behalf/posture.h"
#include "behalf/powers.h"

struct msghdr;

namespace behalf {

namespace detail {
struct TokenData;
}

class Token {
 public:
  // The user of that name or uid, with the complete list of groups, in the `full` posture, at level `impersonation`.
  //
  // Errors: Error of reason not_initialized, inside_impersonation (the answer could come from a cache or a socket of
  // the user's), unknown_user, incomplete_groups, invalid_id, refused_by_fence. A backend of the account database
  // that is down is not always told from a user without groups: the name service switch has no such answer
  // (getgrouplist(3)).
  // Thread-safe. Cost: whatever the name service switch does (files: some dozens of system calls); keep the token.
  [[nodiscard]] static Token for_user(const std::string& name);
  [[nodiscard]] static Token for_user(const std::string& name, allow_low_ids_t);
  [[nodiscard]] static Token for_uid(uid_t uid);
  [[nodiscard]] static Token for_uid(uid_t uid, allow_low_ids_t);

  // An identity whose ids are known from elsewhere (a peer's credentials, a ticket). `groups` is the complete list of
  // supplementary groups: give an empty one only for a user who has none.
  //
  // Errors: Error of reason not_initialized, invalid_id, refused_by_fence. Thread-safe. Cost: no system call.
  [[nodiscard]] static Token from_ids(uid_t uid, gid_t gid, std::vector<gid_t> groups, std::string name = {});
  [[nodiscard]] static Token from_ids(uid_t uid, gid_t gid, std::vector<gid_t> groups, std::string name,
                                      allow_low_ids_t);

  // Whoever is at the other end of a connected Unix socket, as the kernel noted it when the connection was made: the
  // effective ids of the thread that called connect(2) (where this end did: listen(2)), with all its groups. Who that
  // was is fixed: what the peer has become since, or whom it passed its end on to, does not matter; the other end of a
  // socketpair(2) is whoever made the pair. Name, home and shell are added from the account database where it knows
  // that uid; the groups stay those of the kernel. See peer.h for the process.
  //
  // Errors: as for_user(), without unknown_user; refused_by_fence where it is root, as every peer is that impersonates
  // in the `files` posture; incomplete_groups where the kernel does not tell the groups; invalid_id where the
  // peer has no id in this user namespace; platform where it is no connected Unix socket. A peer that cannot be learned
  // is never taken for anybody. Thread-safe. Cost: 8 system calls, 1 more for more than 64 groups, and whatever the
  // name service switch does. Rests on: unix(7), SO_PEERCRED and SO_PEERGROUPS; user_namespaces(7), the overflow ids.
  [[nodiscard]] static Token of_peer(int socket);
  [[nodiscard]] static Token of_peer(int socket, allow_low_ids_t);

  // Whoever sent a message over a Unix socket, by the credentials that recvmsg(2) gave with it: message_credentials.h
  // has how they come to be there, and what they prove. The ids are those that the sender named and the kernel checked
  // when it was sent. The groups are the kernel's own where that user is who made the connection (of_peer()), else
  // those of the account database, which must know the uid; nothing is looked up by the process's id.
  //
  // Errors: as of_peer(); Error of reason not_there where no credentials came, or not whole; invalid_id where the
  // sender has no id in this user namespace; unknown_user; incomplete_groups also where the gid is none of the groups
  // that the user is known to have. A sender that cannot be learned is never taken for anybody. Thread-safe. Cost: 7
  // system calls, 7 more where the groups are the kernel's own, and whatever the name service switch does. Rests on:
  // unix(7), SCM_CREDENTIALS; recvmsg(2), MSG_CTRUNC.
  [[nodiscard]] static Token of_message(int socket, const msghdr& message);
  [[nodiscard]] static Token of_message(int socket, const msghdr& message, allow_low_ids_t);

  // The service itself, as initialize() found it. Worn like any other token; AsService is the shorter way to say so.
  // Errors: Error of reason not_initialized. Thread-safe. Cost: no system call.
  [[nodiscard]] static Token of_process();

  // The calling thread as the kernel has it at this moment, whoever made it so. A state that is one of the postures
  // within the fences gives a token of level `impersonation`; any other is described at level `identification`, and
  // cannot be worn.
  // Errors: Error of reason not_initialized, platform. Thread-safe. Cost: 8 system calls.
  [[nodiscard]] static Token of_thread();

  // Who: the user's ids. Of a token that describes the service or a thread: its effective ones.
  [[nodiscard]] uid_t uid() const noexcept;
  [[nodiscard]] gid_t gid() const noexcept;
  // Supplementary groups, sorted, each once.
  [[nodiscard]] const std::vector<gid_t>& groups() const noexcept;
  // Empty where no account database was asked.
  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const std::string& home() const noexcept;
  [[nodiscard]] const std::string& shell() const noexcept;

  // How: what a thread is while it wears the token.
  [[nodiscard]] Level level() const noexcept;
  [[nodiscard]] Posture posture() const noexcept;
  [[nodiscard]] const Ids& uids() const noexcept;
  [[nodiscard]] const Ids& gids() const noexcept;
  // The effective capabilities, as far as the thread is permitted them.
  [[nodiscard]] Capabilities capabilities() const noexcept;
  // Whether it is the service's own.
  [[nodiscard]] bool is_service() const noexcept;

  // Copies with one thing changed. Errors: Error of reason power_needed (a higher level, or `effective` and `files`,
  // without their power), no_spare_account (`shielded`, and initialize() was given no spare account: never weakened
  // to another posture), invalid_id (the service's token has no posture). Thread-safe. Cost: no system call.
  [[nodiscard]] Token with_level(Level level) const;
  [[nodiscard]] Token with_level(Level level, raise_level_t) const;
  [[nodiscard]] Token with_posture(Posture posture) const;
  [[nodiscard]] Token with_posture(posture_effective_t) const;
  [[nodiscard]] Token with_posture(posture_files_t) const;
  [[nodiscard]] Token with_capabilities(Capabilities capabilities, allow_capabilities_t) const;

  // Over everything above. Thread-safe. Cost: no system call; the hash is computed once, when the token is made, and
  // each copy has it.
  friend bool operator==(const Token& a, const Token& b) noexcept { return equal(a, b); }
  [[nodiscard]] std::size_t hash() const noexcept { return hash_; }

  // For the library's own use.
  explicit Token(std::shared_ptr<const detail::TokenData> data) noexcept;
  [[nodiscard]] const std::shared_ptr<const detail::TokenData>& data() const noexcept { return data_; }

 private:
  static bool equal(const Token& a, const Token& b) noexcept;

  std::shared_ptr<const detail::TokenData> data_;
  std::size_t hash_;  // so that who looks for what is kept for many identities need not look into each
};

}  // namespace behalf

template <>
struct std::hash<behalf::Token> {
  std::size_t operator()(const behalf::Token& token) const noexcept { return token.hash(); }
};
