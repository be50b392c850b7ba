#include "identity/peer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/unmapped_ids.h"

// Debian 11's headers do not know it; the number is that of asm-generic/socket.h (Linux 4.13).
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace behalf::detail {

namespace {

// What nearly every user's groups fit in.
constexpr std::size_t usual_groups = 64;

std::vector<gid_t> groups_of_peer(int socket, uid_t uid) {
  std::vector<gid_t> groups(usual_groups);
  // A second time where there are more: the kernel says how many, and they are fixed.
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int result = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    groups.resize(size / sizeof(gid_t));
    if (result == 0) return groups;
    if (errno != ERANGE) break;
  }
  // No answer is not "no groups".
  throw Error(Error::Reason::incomplete_groups,
              "behalf: groups of the peer with uid " + std::to_string(uid) + ": SO_PEERGROUPS: " + error_words(errno) +
                  ". Nobody is impersonated with a part of the groups",
              errno);
}

}  // namespace

namespace {

// What the kernel noted, or nothing and errno. Of a socket of another family, or one that is not connected, it knows no
// peer, and says so in these ids; errno is 0 then.
std::optional<ucred> noted(int socket) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  errno = 0;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  if (peer.uid == static_cast<uid_t>(-1) || peer.gid == static_cast<gid_t>(-1)) return std::nullopt;
  return peer;
}

PeerIds with_groups(int socket, const ucred& peer) {
  PeerIds found{peer.pid, peer.uid, peer.gid, groups_of_peer(socket, peer.uid)};
  std::vector<gid_t> gids = found.groups;
  gids.push_back(found.gid);
  if (may_be_unmapped(found.uid) || may_be_unmapped(gids)) {
    throw Error(
        Error::Reason::invalid_id,
        "behalf: learn who is at the other end of descriptor " + std::to_string(socket) + ": the kernel says uid " +
            std::to_string(found.uid) + ", gid " + std::to_string(found.gid) +
            ", and shows one id in the place of all that have none in this user namespace (user_namespaces(7)). "
            "Let it map the users who connect");
  }
  return found;
}

}  // namespace

PeerIds peer_of(int socket) {
  if (const std::optional<ucred> peer = noted(socket)) return with_groups(socket, *peer);
  const int error = errno;
  throw Error(Error::Reason::platform,
              "behalf: learn who is at the other end of descriptor " + std::to_string(socket) + ": " +
                  (error != 0 ? error_words(error) : "the kernel knows no peer of it") +
                  ". Give the connected Unix socket, as accept(2) returned it",
              error);
}

std::optional<PeerIds> peer_if_it_is(int socket, uid_t uid) {
  const std::optional<ucred> peer = noted(socket);
  if (!peer || peer->uid != uid) return std::nullopt;
  return with_groups(socket, *peer);
}

bool is_peer(int socket, uid_t uid) noexcept {
  const std::optional<ucred> peer = noted(socket);
  return peer && peer->uid == uid;
}

}  // namespace behalf::detail
