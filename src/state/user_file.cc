#include "state/user_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "behalf/descriptor.h"

namespace behalf::detail {

namespace {

constexpr int carefully = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

std::optional<std::string> content_of(const Descriptor& file, std::size_t at_most) {
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string content(std::min(at_most, static_cast<std::size_t>(status.st_size)) + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size == content.size()) content.resize(at_most + 1);  // it grows just now
  }
  if (size > at_most) return std::nullopt;
  content.resize(size);
  return content;
}

}  // namespace

std::optional<std::string> read_beneath(const std::string& home, const char* path, std::size_t at_most) {
  const Descriptor folder(::open(home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return std::nullopt;
  open_how how{};
  how.flags = carefully;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const Descriptor file(static_cast<int>(::syscall(SYS_openat2, folder.get(), path, &how, sizeof how)));
  return content_of(file, at_most);
}

std::optional<std::string> read_of_machine(const std::string& path, std::size_t at_most) {
  return content_of(Descriptor(::open(path.c_str(), carefully)), at_most);
}

}  // namespace behalf::detail
