// Desktop entries of a user's making.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "state/desktop_entry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto entry = behalf::detail::parse_desktop_entry({reinterpret_cast<const char*>(data), size});
  if (entry && entry->program.empty() != entry->exec.empty()) std::abort();
  return 0;
}
