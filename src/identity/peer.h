// The ids of whoever made the other end of a connected Unix socket, as the kernel noted them then.
#pragma once

#include <sys/types.h>

#include <vector>

namespace behalf::detail {

struct PeerIds {
  pid_t process;  // the leader of the thread that connected, as long as it lives
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};

// Throws Error of reason platform where it is no connected Unix socket, incomplete_groups.
PeerIds peer_of(int socket);

}  // namespace behalf::detail
