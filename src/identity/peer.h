// The ids of whoever made the other end of a connected Unix socket, as the kernel noted them then.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

namespace behalf::detail {

struct PeerIds {
  pid_t process;  // the leader of the thread that connected, as long as it lives
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};

// Throws Error of reason platform where it is no connected Unix socket, incomplete_groups, invalid_id where an id has
// none in this user namespace.
PeerIds peer_of(int socket);

// Of whoever sent a message over the socket as that user, what the kernel noted when that user made the connection;
// nothing where another did, or the socket has no peer. Throws as peer_of() otherwise.
std::optional<PeerIds> peer_if_it_is(int socket, uid_t uid);

// Whether that user made the other end. Of what is no connected Unix socket nobody did. Cost: 1 system call.
bool is_peer(int socket, uid_t uid) noexcept;

}  // namespace behalf::detail
