// Peer: who is at the other end of a Unix socket, and the process that opened it.
//
//   const int connection = accept(listening, nullptr, nullptr);
//   const behalf::Peer peer = behalf::Peer::of(connection);
//   log(peer.token.name() + " asks");
//   const behalf::Impersonation as{peer.token};
//
// Who it is, the token says, and the kernel vouches for it. The process is no proof of anything: its id is that of all
// of its threads, other threads of it may be other users, and /proc tells what its leader is by now. It is there to be
// watched, or to be named in a log; the handle cannot come to mean another process, as the number can.
#pragma once

#include <sys/types.h>

#include "behalf/descriptor.h"
#include "behalf/powers.h"
#include "behalf/token.h"

namespace behalf {

struct Peer {
  Token token;
  pid_t process = 0;  // 0: of a pid namespace that this process does not see
  Descriptor handle;  // a pidfd of it (pidfd_open(2)); none where the process is gone already, or before Linux 6.5

  // Errors: as Token::of_peer(). Thread-safe. Cost: that of Token::of_peer() and 2 system calls.
  // Rests on: unix(7), SO_PEERCRED, SO_PEERPIDFD.
  [[nodiscard]] static Peer of(int socket);
  [[nodiscard]] static Peer of(int socket, allow_low_ids_t);
};

}  // namespace behalf
