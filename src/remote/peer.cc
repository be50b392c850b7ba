#include "behalf/peer.h"

#include <sys/socket.h>

#include <utility>

#include "identity/peer.h"

// Debian 12's headers do not know it; the number is that of asm-generic/socket.h (Linux 6.5).
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace behalf {

namespace {

Peer peer_with(int socket, Token token) {
  int handle = -1;
  socklen_t size = sizeof handle;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &handle, &size) != 0) handle = -1;
  return {std::move(token), detail::peer_of(socket).process, Descriptor(handle)};
}

}  // namespace

Peer Peer::of(int socket) {
  return peer_with(socket, Token::of_peer(socket));
}

Peer Peer::of(int socket, allow_low_ids_t low_ids) {
  return peer_with(socket, Token::of_peer(socket, low_ids));
}

}  // namespace behalf
