#include "uring/without_waiting.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include "uring/raw.h"

namespace behalf::uring::detail {

namespace {

// A turn on a file, for the length of a scope: of all rings of the process, one at a time for each file.
class Turn {
 public:
  explicit Turn(const struct stat& file) {
    {
      const std::lock_guard lock(all().mutex);
      file_ = all().files.try_emplace({file.st_dev, file.st_ino}).first;
      ++file_->second.wanted;
    }
    file_->second.taken.lock();
  }
  ~Turn() {
    file_->second.taken.unlock();
    const std::lock_guard lock(all().mutex);
    if (--file_->second.wanted == 0) all().files.erase(file_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  struct File {
    std::mutex taken;
    std::size_t wanted = 0;
  };
  using Files = std::map<std::pair<dev_t, ino_t>, File>;
  struct All {
    std::mutex mutex;
    Files files;  // those that somebody has a turn on, or waits for one
  };
  static All& all() {
    static All& all = *new All;  // workers may outlive what is destroyed at the end of the process
    return all;
  }

  Files::iterator file_;
};

bool is_ready(int file, short events) noexcept {
  pollfd ready{file, events, 0};
  return ::poll(&ready, 1, 0) != 0;  // an error is told by the call itself
}

bool is_on_a_disk(const struct stat& file) noexcept {
  return S_ISREG(file.st_mode) || S_ISBLK(file.st_mode) || S_ISDIR(file.st_mode);
}

template <class Call>
long in_turn(int file, const struct stat& inode, short events, const Call& call) noexcept {
  try {
    const Turn turn(inode);
    return is_ready(file, events) ? call() : long{-EAGAIN};
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

long moved_without_waiting(long number, int file, iovec piece, off_t offset) noexcept {
  // The offset's upper half is for machines whose registers hold half of it (preadv2(2), "NOTES").
  return raw(number, file, &piece, 1L, offset, 0L, RWF_NOWAIT);
}

}  // namespace

long read_without_waiting(int file, void* into, std::size_t size, off_t offset) noexcept {
  const auto plainly = [&] {
    return offset == -1 ? raw(SYS_read, file, into, size) : raw(SYS_pread64, file, into, size, offset);
  };
  struct stat inode {};
  if (::fstat(file, &inode) != 0 || is_on_a_disk(inode)) return plainly();  // which tells what is wrong with it
  const long result = moved_without_waiting(SYS_preadv2, file, {into, size}, offset);
  return result == -EOPNOTSUPP ? in_turn(file, inode, POLLIN, plainly) : result;
}

long write_without_waiting(int file, const void* from, std::size_t size, off_t offset) noexcept {
  const auto plainly = [&] {
    return offset == -1 ? raw(SYS_write, file, from, size) : raw(SYS_pwrite64, file, from, size, offset);
  };
  struct stat inode {};
  if (::fstat(file, &inode) != 0 || is_on_a_disk(inode)) return plainly();
  const long result = moved_without_waiting(SYS_pwritev2, file, {const_cast<void*>(from), size}, offset);
  if (result != -EOPNOTSUPP) return result;
  return is_ready(file, POLLOUT) ? plainly() : long{-EAGAIN};  // it may wait for its reader, who must get a turn
}

long accept_without_waiting(int file, sockaddr* address, socklen_t* size, int flags) noexcept {
  const auto plainly = [&] { return raw(SYS_accept4, file, address, size, flags); };
  struct stat inode {};
  if (::fstat(file, &inode) != 0) return plainly();
  return in_turn(file, inode, POLLIN, plainly);
}

}  // namespace behalf::uring::detail
