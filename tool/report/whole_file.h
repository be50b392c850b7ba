// A file that a user names, read whole.
#pragma once

#include <stdexcept>
#include <string>

namespace behalf::tool {

// A file that cannot be used, and why, in one line.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `what` is what the file should be: "the baseline". Throws FileError, also for more than `most` bytes.
std::string read_whole(const std::string& what, const std::string& file, std::size_t most);

}  // namespace behalf::tool
