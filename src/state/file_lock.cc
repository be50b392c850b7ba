#include "behalf/file_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <string>
#include <utility>

#include "behalf/error.h"
#include "identity/errors.h"
#include "state/forks.h"

namespace behalf {

namespace {

// errno, or 0.
int change_lock(int fd, int command, short type) noexcept {
  struct flock whole {};  // from 0 to wherever the file ends
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  while (::fcntl(fd, command, &whole) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

short type_of(FileLock::Kind kind) noexcept {
  return kind == FileLock::Kind::shared ? short{F_RDLCK} : short{F_WRLCK};
}

[[noreturn]] void fail(int fd, int error) {
  throw Error(error == ENOLCK || error == ENOMEM ? Error::Reason::out_of_resources : Error::Reason::platform,
              "behalf: lock the file of descriptor " + std::to_string(fd) + ": " + detail::error_words(error), error);
}

}  // namespace

FileLock::FileLock(int fd, Kind kind) : fd_(fd), of_process_(detail::forks()) {
  if (const int error = change_lock(fd, F_OFD_SETLKW, type_of(kind)); error != 0) fail(fd, error);
}

std::optional<FileLock> FileLock::without_waiting(int fd, Kind kind) {
  const int error = change_lock(fd, F_OFD_SETLK, type_of(kind));
  if (error == EAGAIN || error == EACCES) return std::nullopt;
  if (error != 0) fail(fd, error);
  return FileLock(Held{fd});
}

FileLock::FileLock(Held held) noexcept : fd_(held.fd), of_process_(detail::forks()) {}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)), of_process_(other.of_process_) {}

FileLock::~FileLock() {
  if (fd_ >= 0 && of_process_ == detail::forks())
    (void)change_lock(fd_, F_OFD_SETLK, F_UNLCK);  // where it fails the descriptor is closed, and the lock gone
}

}  // namespace behalf
