#include "behalf/message_credentials.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "identity/accounts.h"
#include "identity/errors.h"
#include "identity/message_credentials.h"
#include "identity/peer.h"
#include "identity/unmapped_ids.h"

namespace behalf {

static_assert(credentials_room == CMSG_SPACE(sizeof(ucred)));

void ask_for_credentials(int socket) {
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0) return;
  const int error = errno;
  throw Error(Error::Reason::platform,
              "behalf: have the kernel say who sends over descriptor " + std::to_string(socket) +
                  ": SO_PASSCRED: " + detail::error_words(error) + ". Give a Unix socket",
              error);
}

void attach_credentials(msghdr& message, std::size_t room) {
  if (room < message.msg_controllen || room - message.msg_controllen < credentials_room) {
    throw Error(Error::Reason::out_of_resources,
                "behalf: attach credentials to a message: " + std::to_string(room) + " bytes of control data, " +
                    std::to_string(message.msg_controllen) +
                    " of them taken, have no room for them: make it behalf::credentials_room larger");
  }
  detail::append_control(message, SCM_CREDENTIALS, ucred{::getpid(), ::geteuid(), ::getegid()});
}

namespace detail {

std::optional<ucred> credentials_in(const msghdr& message) noexcept {
  // The macros read only, though what they take is not const.
  auto* const writable = const_cast<msghdr*>(&message);
  for (cmsghdr* item = CMSG_FIRSTHDR(writable); item != nullptr; item = CMSG_NXTHDR(writable, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_CREDENTIALS) continue;
    if (item->cmsg_len != CMSG_LEN(sizeof(ucred))) return std::nullopt;  // cut off
    ucred from{};
    std::memcpy(&from, CMSG_DATA(item), sizeof from);
    return from;
  }
  return std::nullopt;
}

}  // namespace detail

}  // namespace behalf
