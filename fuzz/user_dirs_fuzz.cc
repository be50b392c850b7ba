// user-dirs.dirs of a user's making.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "state/user_dirs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& [name, path] : behalf::detail::parse_user_dirs(text, "/home/alice")) {
    if (!name.starts_with("XDG_") || !path.starts_with('/')) std::abort();
  }
  return 0;
}
