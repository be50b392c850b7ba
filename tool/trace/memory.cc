#include "trace/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

namespace behalf::tool {

std::string read_memory(pid_t tid, std::uint64_t address, std::size_t size) {
  std::string bytes(size, '\0');
  const iovec local = {bytes.data(), size};
  const iovec remote = {reinterpret_cast<void*>(address), size};  // NOLINT(performance-no-int-to-ptr)
  const ssize_t got = address == 0 ? -1 : process_vm_readv(tid, &local, 1, &remote, 1, 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

std::string read_string(pid_t tid, std::uint64_t address, std::size_t longest) {
  constexpr std::uint64_t page = 4096;
  std::string text;
  while (address != 0 && text.size() < longest) {
    // To the page's end and no further: the next may not be mapped.
    const std::size_t piece = std::min<std::size_t>({256, longest - text.size(), page - address % page});
    const std::string bytes = read_memory(tid, address, piece);
    const auto end = bytes.find('\0');
    text.append(bytes, 0, end);
    if (end != std::string::npos || bytes.size() < piece) break;
    address += piece;
  }
  return text;
}

bool write_memory(pid_t tid, std::uint64_t address, const void* bytes, std::size_t size) {
  const iovec local = {const_cast<void*>(bytes), size};
  const iovec remote = {reinterpret_cast<void*>(address), size};  // NOLINT(performance-no-int-to-ptr)
  return process_vm_writev(tid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

std::string read_file(const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = read(fd, piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  close(fd);
  return text;
}

std::string read_link(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string status_field(const std::string& status, const std::string& key) {
  const auto at = status.find("\n" + key + ":");
  if (at == std::string::npos) return {};
  const auto begin = status.find_first_not_of("\t ", at + key.size() + 2);
  return status.substr(begin, status.find('\n', begin) - begin);
}

std::map<int, std::string> descriptors_of(pid_t process) {
  std::map<int, std::string> descriptors;
  const std::string folder = "/proc/" + std::to_string(process) + "/fd";
  DIR* const directory = opendir(folder.c_str());
  if (directory == nullptr) return descriptors;
  while (const dirent* entry = readdir(directory))
    if (entry->d_name[0] != '.') descriptors[std::atoi(entry->d_name)] = read_link(folder + "/" + entry->d_name);
  closedir(directory);
  return descriptors;
}

}  // namespace behalf::tool
