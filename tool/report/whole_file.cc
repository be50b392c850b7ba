#include "report/whole_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace behalf::tool {

std::string read_whole(const std::string& what, const std::string& file, std::size_t most) {
  const auto fails = [&](const std::string& why) {
    return FileError(fmt::format("cannot read {} '{}': {}", what, file, why));
  };
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) throw fails("it is a directory");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw fails(std::strerror(errno));
  std::string text;
  for (char piece[1 << 16]; stream.read(piece, sizeof piece), stream.gcount() > 0;) {
    text.append(piece, static_cast<std::size_t>(stream.gcount()));
    if (text.size() > most) throw fails(fmt::format("it is larger than {} MiB", most >> 20));
  }
  if (stream.bad()) throw fails(std::strerror(errno));
  return text;
}

}  // namespace behalf::tool
