// What a file of the kernel's says in numbers (proc(5)). Without the streams of the C++ library: they bring its locales
// with them, which a small program that is linked with it statically would have to relocate at every start.
#pragma once

#include <cstdint>
#include <vector>

namespace behalf::detail {

// All decimal numbers to the end of the file, or to what is none; empty where it cannot be read. May throw
// std::bad_alloc. Cost: 4 system calls, and one more for every 4 KiB.
std::vector<std::uint64_t> numbers_in_file(const char* path);

}  // namespace behalf::detail
