// Bytes as text: RFC 4648, base 64, with padding. One value has one text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace behalf::detail {

std::string to_base64(std::string_view bytes);
// Nothing where it is not exactly what to_base64() makes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace behalf::detail
