#include "identity/numbers_in_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string>

namespace behalf::detail {

namespace {

std::string text_of(const char* path) {
  std::string text;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char part[4096];
  for (;;) {
    const ssize_t count = ::read(fd, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(part, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return text;
}

}  // namespace

std::vector<std::uint64_t> numbers_in_file(const char* path) {
  const std::string text = text_of(path);
  const char* const end = text.data() + text.size();
  std::vector<std::uint64_t> numbers;
  for (const char* next = text.data();;) {
    while (next != end && (*next == ' ' || *next == '\n' || *next == '\t')) ++next;
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(next, end, number);
    if (error != std::errc{}) return numbers;
    numbers.push_back(number);
    next = rest;
  }
}

}  // namespace behalf::detail
