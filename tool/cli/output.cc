#include "cli/output.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "cli/library.h"

namespace behalf::tool {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Destination::Destination(const std::string& file) : name_(file.empty() ? "standard output" : "'" + file + "'") {
  if (file.empty()) return;
  fd_ = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ >= 0) return;
  const std::string why = fmt::format("cannot write the report to '{}': {}", file, std::strerror(errno));
  if (errno == EROFS || errno == ENOSPC || errno == EDQUOT || errno == EIO)
    throw MachineError(why + "; name another place with -o");
  throw UsageError(why + "; name another place with -o");
}

Destination::~Destination() {
  if (fd_ > 2) close(fd_);
}

void Destination::write(const std::string& text) const {
  const auto fail = [&] {
    throw MachineError(fmt::format("cannot write the report to {}: {}; free some space, or name another place with -o",
                                   name_, std::strerror(errno)));
  };
  if (fd_ > 2 && ftruncate(fd_, 0) != 0 && errno != EINVAL) fail();  // a pipe or a device has no size
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = ::write(fd_, text.data() + at, text.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    at += static_cast<std::size_t>(written);
  }
  if (fd_ > 2 && fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) fail();
}

bool Destination::is_terminal() const {
  return isatty(fd_) == 1;
}

int Destination::width() const {
  winsize size{};
  return is_terminal() && ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 150;
}

ProgressBar::ProgressBar() : shown_(isatty(2) == 1), started_(now()) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void ProgressBar::show(std::size_t done, std::size_t total) {
  const double time = now();
  if (!shown_ || total == 0 || (time - last_ < 0.1 && done < total)) return;
  last_ = time;
  drawn_ = true;
  constexpr std::size_t cells = 30;
  const std::size_t full = done * cells / total;
  const double elapsed = time - started_;
  const std::string left =
      done > 0 && elapsed > 1
          ? fmt::format(", {:.0f} s left", elapsed * static_cast<double>(total - done) / static_cast<double>(done))
          : "";
  fmt::print(stderr, "\r\033[K[{}{}] {}/{} legs{}", std::string(full, '#'), std::string(cells - full, '.'), done, total,
             left);
  std::fflush(stderr);
}

}  // namespace behalf::tool
