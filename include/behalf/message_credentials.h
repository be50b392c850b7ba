// Credentials that go with a message over a Unix socket (SCM_CREDENTIALS), for a protocol of one's own.
//
//   // the receiver:
//   const int listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
//   behalf::ask_for_credentials(listening);             // before anybody can have sent
//   ...                                                 // bind, listen, accept
//   alignas(cmsghdr) std::array<char, behalf::credentials_room> room;
//   msghdr message{};                                   // with msg_control and msg_controllen of `room`
//   recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
//   const behalf::Token sender = behalf::Token::of_message(connection, message);
//
//   // the sender, here as alice:
//   behalf::attach_credentials(message, room.size());   // msg_control is `room`, msg_controllen what is in it: 0
//   sendmsg(connection, &message, MSG_NOSIGNAL);
//
// Where a connection passes from hand to hand, or a service sends for many over one, this says of each message who sent
// it, and SO_PEERCRED (Token::of_peer) does not. What it proves, by unix(7):
//
// * A uid and a gid, which the kernel checked against the sending thread's real, effective and saved ones when the
//   message was sent; no groups. Whoever has CAP_SETUID (in a user namespace of its own, for the ids that are mapped
//   there) may name any: such a sender is as good as whoever it names.
// * Nothing about the process: its id is the sender's claim as well, and may be another's by the time it is looked at.
//   So nothing is ever looked up by it (the groups of /proc are its main thread's).
// * Of a sender who does not say who it is, the kernel says it: the *real* ids, which are not the user's in the
//   `shielded` and `effective` postures. So let senders say it.
// * Of what was sent before the receiver has asked for credentials, nothing. Accepted sockets ask if the listening one
//   did.
//
// behalf/mail_socket.h is a whole protocol of this kind.
#pragma once

#include <sys/socket.h>

#include <cstddef>

namespace behalf {

// What they take in a message's control data, beside whatever else goes with it.
inline constexpr std::size_t credentials_room = CMSG_SPACE(3 * sizeof(int));

// Effects: the kernel says of each message that arrives from now on who sent it (SO_PASSCRED).
// Errors: Error of reason platform where it is no Unix socket. Thread-safe. Cost: 1 system call.
void ask_for_credentials(int socket);

// Effects: adds the effective ids of the calling thread to the message, after the msg_controllen bytes that it has, of
// the `room` that there is at msg_control. sendmsg(2) fails with EPERM where the kernel does not accept them: they are
// those of the thread that attaches them, so let the same send it.
// Errors: Error of reason out_of_resources where there is no room. Thread-safe. Cost: 3 system calls.
void attach_credentials(msghdr& message, std::size_t room);

}  // namespace behalf
