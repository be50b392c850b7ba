#include "behalf/http.h"

#include <strings.h>

namespace behalf::http {

std::optional<std::string_view> Request::field(std::string_view name) const noexcept {
  for (const Field& each : fields) {
    if (each.name.size() == name.size() && ::strncasecmp(each.name.data(), name.data(), name.size()) == 0)
      return each.value;
  }
  return std::nullopt;
}

}  // namespace behalf::http
