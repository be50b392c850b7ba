// The value of an Authorization field that is Basic's (RFC 7617).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace behalf::http::detail {

struct BasicCredentials {
  std::string name;
  std::string password;
};

// Nothing where it is none: another scheme, not base64, no colon, a NUL in it.
std::optional<BasicCredentials> basic_credentials(std::string_view field);

}  // namespace behalf::http::detail
