// A path with a NUL in it names nothing. The kernel would take what stands before it for the whole.
#pragma once

#include <filesystem>

namespace behalf::detail {

inline bool has_nul(const std::filesystem::path& path) noexcept {
  return path.native().find('\0') != std::filesystem::path::string_type::npos;
}

}  // namespace behalf::detail
