#include "identity/peer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "behalf/error.h"
#include "identity/errors.h"

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

PeerIds peer_of(int socket) {
  const auto refuse = [socket](const std::string& why, int error) {
    return Error(Error::Reason::platform,
                 "behalf: learn who is at the other end of descriptor " + std::to_string(socket) + ": " + why +
                     ". Give the connected Unix socket, as accept(2) returned it",
                 error);
  };
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) throw refuse(error_words(errno), errno);
  // Of a socket of another family, or one that is not connected, the kernel knows no peer, and says so in these ids.
  if (peer.uid == static_cast<uid_t>(-1) || peer.gid == static_cast<gid_t>(-1)) {
    throw refuse("the kernel knows no peer of it", 0);
  }
  return {peer.pid, peer.uid, peer.gid, groups_of_peer(socket, peer.uid)};
}

}  // namespace behalf::detail
