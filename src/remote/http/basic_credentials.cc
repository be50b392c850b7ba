#include "remote/http/basic_credentials.h"

#include <strings.h>

#include "remote/base64.h"

namespace behalf::http::detail {

std::optional<BasicCredentials> basic_credentials(std::string_view field) {
  constexpr std::string_view scheme = "Basic ";
  if (field.size() < scheme.size() || ::strncasecmp(field.data(), scheme.data(), scheme.size()) != 0)
    return std::nullopt;
  field.remove_prefix(scheme.size());
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  const std::optional<std::string> text = behalf::detail::from_base64(field);
  if (!text || text->find('\0') != std::string::npos) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace behalf::http::detail
