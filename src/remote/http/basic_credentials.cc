#include "remote/http/basic_credentials.h"

#include <strings.h>

#include <cstdint>

namespace behalf::http::detail {

namespace {

// Strictly (RFC 4648, 3.5): one credential has one spelling.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t held = 0;
  unsigned bits = 0;
  std::size_t padding = 0;
  for (const char each : text) {
    std::uint32_t value = 0;
    if (each == '=') {
      ++padding;
      continue;
    }
    if (padding != 0) return std::nullopt;
    if (each >= 'A' && each <= 'Z') {
      value = static_cast<std::uint32_t>(each - 'A');
    } else if (each >= 'a' && each <= 'z') {
      value = static_cast<std::uint32_t>(each - 'a') + 26;
    } else if (each >= '0' && each <= '9') {
      value = static_cast<std::uint32_t>(each - '0') + 52;
    } else if (each == '+') {
      value = 62;
    } else if (each == '/') {
      value = 63;
    } else {
      return std::nullopt;
    }
    held = (held << 6 | value) & 0xffffffU;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(held >> bits & 0xffU);
    }
  }
  const bool left_over = (held & ((1U << bits) - 1)) != 0;
  if (padding > 2 || left_over || bits != 2 * padding) return std::nullopt;
  return bytes;
}

}  // namespace

std::optional<BasicCredentials> basic_credentials(std::string_view field) {
  constexpr std::string_view scheme = "Basic ";
  if (field.size() < scheme.size() || ::strncasecmp(field.data(), scheme.data(), scheme.size()) != 0)
    return std::nullopt;
  field.remove_prefix(scheme.size());
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  const std::optional<std::string> text = from_base64(field);
  if (!text || text->find('\0') != std::string::npos) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace behalf::http::detail
