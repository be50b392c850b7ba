#include "behalf/token.h"

#include <limits.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "behalf/impersonation.h"
#include "identity/accounts.h"
#include "identity/errors.h"
#include "identity/fences.h"
#include "identity/message_credentials.h"
#include "identity/peer.h"
#include "identity/service.h"
#include "identity/thread_memo.h"
#include "identity/token_data.h"
#include "identity/unmapped_ids.h"

namespace behalf {

namespace detail {

namespace {

void mix(std::size_t& hash, std::size_t value) noexcept {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  hash ^= hash >> 32;
}

void mix(std::size_t& hash, std::string_view text) noexcept {
  mix(hash, std::hash<std::string_view>{}(text));
}

void mix(std::size_t& hash, const Ids& ids) noexcept {
  for (const std::uint32_t id : {ids.real, ids.effective, ids.saved, ids.fs}) mix(hash, id);
}

// Fences and -1 are looked at here, for every token of a user.
TokenPtr make_user(const Service& service, TokenData data, bool low_ids) {
  sort_groups(data.wear.groups);
  if (const auto refusal = fence_refusal(service, data.uid, data.gid, data.wear.groups, low_ids)) {
    throw Error(refusal->reason, "behalf: token of " + describe(data) + ": " + refusal->why);
  }
  if (data.wear.groups.size() > NGROUPS_MAX) {
    throw Error(Error::Reason::incomplete_groups,
                "behalf: token of " + describe(data) + ": more groups than the kernel takes (NGROUPS_MAX)");
  }
  data.wear = wear(service, data);
  return finish(std::move(data));
}

void must_not_be_inside(const std::string& words) {
  if (!is_impersonating()) return;
  throw Error(Error::Reason::inside_impersonation,
              "behalf: look up " + words +
                  ": the thread is impersonating, and what it is told could be the user's doing. Make tokens "
                  "before, or inside AsService");
}

template <class Whom>
TokenPtr look_up(const Whom& whom, const std::string& words, bool low_ids) {
  const Service& service = service_for("look up " + words);
  must_not_be_inside(words);
  const Account account = account_of(whom);
  TokenData data;
  data.uid = account.uid;
  data.gid = account.gid;
  data.name = account.name;
  data.home = account.home;
  data.shell = account.shell;
  data.wear.groups = groups_of(account);
  return make_user(service, std::move(data), low_ids);
}

TokenPtr from_ids(uid_t uid, gid_t gid, std::vector<gid_t> groups, std::string name, bool low_ids) {
  const Service& service = service_for("make a token of uid " + std::to_string(uid));
  TokenData data;
  data.uid = uid;
  data.gid = gid;
  data.name = std::move(name);
  data.wear.groups = std::move(groups);
  return make_user(service, std::move(data), low_ids);
}

// Whom the kernel vouches for, with all groups. An account they need not have.
TokenPtr of_kernel_s_word(const Service& service, uid_t uid, gid_t gid, std::vector<gid_t> groups, bool low_ids) {
  TokenData data;
  data.uid = uid;
  data.gid = gid;
  data.wear.groups = std::move(groups);
  try {
    const Account account = account_of(uid);
    data.name = account.name;
    data.home = account.home;
    data.shell = account.shell;
  } catch (const Error& error) {
    if (error.reason() != Error::Reason::unknown_user) throw;
  }
  return make_user(service, std::move(data), low_ids);
}

TokenPtr of_peer(int socket, bool low_ids) {
  const Service& service = service_for("learn who is at the other end of a socket");
  must_not_be_inside("who is at the other end of a socket");
  PeerIds peer = peer_of(socket);
  return of_kernel_s_word(service, peer.uid, peer.gid, std::move(peer.groups), low_ids);
}

std::string attempt_for_message(int socket) {
  return "behalf: learn who sent a message over descriptor " + std::to_string(socket) + ": ";
}

TokenPtr of_message(int socket, const msghdr& message, bool low_ids) {
  if (const auto from = credentials_in(message)) return sender_of(socket, *from, low_ids);
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    throw Error(Error::Reason::not_there, attempt_for_message(socket) +
                                              "its control data were cut off. Give recvmsg(2) room for what can come "
                                              "with a message, behalf::credentials_room for the credentials alone");
  }
  throw Error(Error::Reason::not_there, attempt_for_message(socket) +
                                            "no credentials came with it. Call behalf::ask_for_credentials() before "
                                            "anybody can send");
}

TokenPtr with_posture(const TokenData& token, Posture posture) {
  const Service& service = service_for("change the posture of a token");
  const std::string attempted =
      "behalf: token of " + describe(token) + " in the " + std::string{to_string(posture)} + " posture: ";
  if (token.kind != TokenData::Kind::user) {
    throw Error(Error::Reason::invalid_id, attempted + "it is not a user's");
  }
  if (posture == Posture::shielded && !service.spare) {
    throw Error(Error::Reason::no_spare_account,
                attempted +
                    "it takes a spare account for the real ids: give initialize() a shield_account that owns "
                    "nothing and that nobody logs in to");
  }
  TokenData copy = token;
  copy.posture = posture;
  copy.wear = wear(service, copy);
  return finish(std::move(copy));
}

TokenPtr with_level(const TokenData& token, Level level) {
  TokenData copy = token;
  copy.level = level;
  if (level < Level::delegation) copy.tickets = {};
  return finish(std::move(copy));
}

}  // namespace

TokenPtr sender_of(int socket, const ucred& from, bool low_ids) {
  const Service& service = service_for("learn who sent a message");
  must_not_be_inside("who sent a message");
  const std::string attempted = attempt_for_message(socket) + "the kernel says uid " + std::to_string(from.uid) +
                                ", gid " + std::to_string(from.gid) + ", process " + std::to_string(from.pid) + ": ";
  // So it says of a message that was sent before anybody had asked.
  if (from.pid == 0 && is_overflow_id(from.uid)) {
    throw Error(Error::Reason::not_there, attempted +
                                              "it was sent without credentials. Call behalf::ask_for_credentials() "
                                              "before anybody can send");
  }
  if (may_be_unmapped(from.uid) || may_be_unmapped(std::vector<gid_t>{from.gid})) {
    throw Error(Error::Reason::invalid_id, attempted +
                                               "it shows one id in the place of all that have none in this user "
                                               "namespace (user_namespaces(7)). Let it map the users who send");
  }
  if (from.uid == no_id || from.gid == no_id) throw Error(Error::Reason::invalid_id, attempted + "-1 is nobody");
  const auto must_be_in = [&](const std::vector<gid_t>& groups, gid_t primary, const std::string& whose) {
    if (from.gid == primary || std::find(groups.begin(), groups.end(), from.gid) != groups.end()) return;
    throw Error(Error::Reason::incomplete_groups,
                attempted + "the gid is none of the groups that the user has by " + whose +
                    ". A sender in a group of its "
                    "own (a set-group-ID program) is not impersonated with the user's others");
  };
  if (std::optional<PeerIds> peer = peer_if_it_is(socket, from.uid)) {
    must_be_in(peer->groups, peer->gid, "the kernel");
    return of_kernel_s_word(service, from.uid, from.gid, std::move(peer->groups), low_ids);
  }
  const Account account = account_of(from.uid);
  std::vector<gid_t> groups = groups_of(account);
  must_be_in(groups, account.gid, "the account database");
  return of_kernel_s_word(service, from.uid, from.gid, std::move(groups), low_ids);
}

TokenPtr finish(TokenData data) {
  std::size_t hash = static_cast<std::size_t>(data.kind);
  mix(hash, data.uid);
  mix(hash, data.gid);
  mix(hash, data.name);
  mix(hash, data.home);
  mix(hash, data.shell);
  mix(hash, static_cast<std::size_t>(data.level));
  mix(hash, static_cast<std::size_t>(data.posture));
  mix(hash, data.kept);
  mix(hash, data.wear.uid);
  mix(hash, data.wear.gid);
  for (const gid_t group : data.wear.groups) mix(hash, group);
  mix(hash, data.wear.effective);
  mix(hash, data.tickets.place);
  data.hash = hash;
  return std::make_shared<const TokenData>(std::move(data));
}

TokenPtr to_compare_with(const TokenPtr& token) {
  if (token->tickets.kept == nullptr) return token;
  TokenData copy = *token;
  copy.tickets.kept.reset();
  return std::make_shared<const TokenData>(std::move(copy));
}

TokenPtr with_tickets(const TokenData& user, Tickets tickets) {
  TokenData copy = user;
  copy.level = Level::delegation;
  copy.tickets = std::move(tickets);
  return finish(std::move(copy));
}

}  // namespace detail

Token::Token(detail::TokenPtr data) noexcept : data_(std::move(data)), hash_(detail::hash_of(data_.get())) {}

Token Token::for_user(const std::string& name) {
  return Token(detail::look_up(name, "user " + name, false));
}
Token Token::for_user(const std::string& name, allow_low_ids_t) {
  return Token(detail::look_up(name, "user " + name, true));
}

Token Token::for_uid(uid_t uid) {
  return Token(detail::look_up(uid, "uid " + std::to_string(uid), false));
}
Token Token::for_uid(uid_t uid, allow_low_ids_t) {
  return Token(detail::look_up(uid, "uid " + std::to_string(uid), true));
}

Token Token::from_ids(uid_t uid, gid_t gid, std::vector<gid_t> groups, std::string name) {
  return Token(detail::from_ids(uid, gid, std::move(groups), std::move(name), false));
}
Token Token::from_ids(uid_t uid, gid_t gid, std::vector<gid_t> groups, std::string name, allow_low_ids_t) {
  return Token(detail::from_ids(uid, gid, std::move(groups), std::move(name), true));
}

Token Token::of_peer(int socket) {
  return Token(detail::of_peer(socket, false));
}
Token Token::of_peer(int socket, allow_low_ids_t) {
  return Token(detail::of_peer(socket, true));
}

Token Token::of_message(int socket, const msghdr& message) {
  return Token(detail::of_message(socket, message, false));
}
Token Token::of_message(int socket, const msghdr& message, allow_low_ids_t) {
  return Token(detail::of_message(socket, message, true));
}

Token Token::of_process() {
  return Token(detail::service_for("token of the service").token);
}

Token Token::of_thread() {
  const detail::Service& service = detail::service_for("token of the thread");
  detail::ThreadState state;
  if (const auto failure = detail::read_thread(detail::system_calls(), state)) {
    throw Error(Error::Reason::platform,
                std::string{"behalf: read the thread's credentials: "} + failure->call + ": " +
                    detail::error_words(failure->error),
                failure->error);
  }
  return Token(detail::classify(service, state.credentials));
}

uid_t Token::uid() const noexcept {
  return data_->uid;
}
gid_t Token::gid() const noexcept {
  return data_->gid;
}
const std::vector<gid_t>& Token::groups() const noexcept {
  return data_->wear.groups;
}
const std::string& Token::name() const noexcept {
  return data_->name;
}
const std::string& Token::home() const noexcept {
  return data_->home;
}
const std::string& Token::shell() const noexcept {
  return data_->shell;
}
Level Token::level() const noexcept {
  return data_->level;
}
Posture Token::posture() const noexcept {
  return data_->posture;
}
const Ids& Token::uids() const noexcept {
  return data_->wear.uid;
}
const Ids& Token::gids() const noexcept {
  return data_->wear.gid;
}
Capabilities Token::capabilities() const noexcept {
  return data_->wear.effective;
}
bool Token::is_service() const noexcept {
  return data_->kind == detail::TokenData::Kind::service;
}

bool Token::equal(const Token& a, const Token& b) noexcept {
  return a.data_ == b.data_ || (a.hash_ == b.hash_ && *a.data_ == *b.data_);
}

Token Token::with_level(Level level) const {
  if (level > data_->level) {
    throw Error(Error::Reason::power_needed,
                "behalf: token of " + detail::describe(*data_) + " at level " + std::string{to_string(level)} +
                    ": it was made at level " + std::string{to_string(data_->level)} +
                    ", and a level is lowered, not raised, except with behalf::raise_level");
  }
  return Token(detail::with_level(*data_, level));
}

Token Token::with_level(Level level, raise_level_t) const {
  if (data_->kind == detail::TokenData::Kind::found) {
    throw Error(Error::Reason::invalid_id,
                "behalf: raise the level of " + detail::describe(*data_) + ": it describes a thread and is nobody's");
  }
  return Token(detail::with_level(*data_, level));
}

Token Token::with_posture(Posture posture) const {
  if (posture == Posture::files || posture == Posture::effective) {
    throw Error(Error::Reason::power_needed,
                "behalf: token of " + detail::describe(*data_) + " in the " + std::string{to_string(posture)} +
                    " posture: the service shows through in it. Use full or shielded, or say so with "
                    "behalf::posture_" +
                    std::string{to_string(posture)});
  }
  return Token(detail::with_posture(*data_, posture));
}

Token Token::with_posture(posture_effective_t) const {
  return Token(detail::with_posture(*data_, Posture::effective));
}
Token Token::with_posture(posture_files_t) const {
  return Token(detail::with_posture(*data_, Posture::files));
}

Token Token::with_capabilities(Capabilities capabilities, allow_capabilities_t) const {
  const detail::Service& service = detail::service_for("change the capabilities of a token");
  if (data_->kind != detail::TokenData::Kind::user) {
    throw Error(Error::Reason::invalid_id,
                "behalf: capabilities for " + detail::describe(*data_) + ": it is not a user's token");
  }
  if ((capabilities & ~service.powers.permitted) != 0) {
    throw Error(Error::Reason::not_permitted, "behalf: capabilities for " + detail::describe(*data_) +
                                                  ": the service itself is not permitted all "
                                                  "of them");
  }
  detail::TokenData copy = *data_;
  copy.kept = capabilities;
  copy.wear = detail::wear(service, copy);
  return Token(detail::finish(std::move(copy)));
}

}  // namespace behalf
