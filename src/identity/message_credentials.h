// What came with a message about who sent it; and who that is.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <optional>

#include "behalf/error.h"
#include "identity/token_data.h"

namespace behalf::detail {

// Adds one item of control data after those that are there. The caller has made room.
template <class Item>
void append_control(msghdr& message, int type, const Item& item) {
  auto* const header = reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + message.msg_controllen);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof item);
  std::memcpy(CMSG_DATA(header), &item, sizeof item);
  message.msg_controllen += CMSG_SPACE(sizeof item);
}

// Whole, or nothing.
std::optional<ucred> credentials_in(const msghdr& message) noexcept;

// Who sent a message that came with these over that socket. Throws as Token::of_message().
TokenPtr sender_of(int socket, const ucred& from, bool low_ids);

}  // namespace behalf::detail
