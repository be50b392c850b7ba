// Where a member stands in a structure of the running kernel, by the kernel's own description of its types (BTF,
// Documentation/bpf/btf.rst).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace behalf::tool {

// In bytes. Nothing where the kernel does not describe itself, or has no such member at the structure's top level.
// Cost: the description has megabytes, of which a few pages are read for a structure that stands near its start.
std::optional<std::uint32_t> offset_in_kernel(std::string_view structure, std::string_view member);

// The same, of the description that is open there.
std::optional<std::uint32_t> offset_in(int description, std::string_view structure, std::string_view member);

}  // namespace behalf::tool
