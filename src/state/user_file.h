// A small file of a user's, read as her and with care: what she made of it is a matter of hers alone.
#pragma once

#include <optional>
#include <string>

namespace behalf::detail {

// As whoever the thread wears: the content of a regular file beneath the home; nothing where there is none, where the
// path leads out of the home (openat2(2), RESOLVE_BENEATH: links that stay inside are followed), where it is no regular
// file (a FIFO is not waited for) or larger than that. Cost: 7 system calls.
std::optional<std::string> read_beneath(const std::string& home, const char* path, std::size_t at_most);

// The same for a file that is nobody's in particular, links and all.
std::optional<std::string> read_of_machine(const std::string& path, std::size_t at_most);

}  // namespace behalf::detail
