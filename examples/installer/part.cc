#include "part.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Part::Part(const std::filesystem::path& path)
    : name_(path.filename().string()),
      part_name_("." + name_ + ".part"),
      folder_(open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (name_.empty() || name_ == "." || name_ == "..") throw std::runtime_error(path.string() + " names no file");
  if (!folder_) fail("open " + path.parent_path().string());
  file_ = behalf::Descriptor(openat(folder_.get(), part_name_.c_str(),
                                    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666));
  if (!file_) fail("create " + part_name_);
  struct stat status {};
  if (fstat(file_.get(), &status) != 0) fail("look at " + part_name_);
  // Others may write to the folder too: nothing of theirs is taken for a part of this user's.
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_nlink != 1)
    throw std::runtime_error(part_name_ + " is there already and is not a file of yours alone");
  if (auto lock = behalf::FileLock::without_waiting(file_.get())) lock_.emplace(std::move(*lock));
  if (!lock_) throw std::runtime_error("another transfer of " + name_ + " is under way");
  // Only now: whoever had the lock may have written more, or be done with it.
  struct stat named {};
  if (fstat(file_.get(), &status) != 0) fail("look at " + part_name_);
  if (fstatat(folder_.get(), part_name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 || named.st_ino != status.st_ino)
    throw std::runtime_error("another transfer of " + name_ + " has just ended");
  size_ = status.st_size;
}

void Part::append(const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t written = write(file_.get(), bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write " + part_name_);
    bytes += written;
    count -= static_cast<std::size_t>(written);
    size_ += written;
  }
}

void Part::commit() {
  if (fsync(file_.get()) != 0) fail("write " + part_name_ + " to the disk");
  if (renameat(folder_.get(), part_name_.c_str(), folder_.get(), name_.c_str()) != 0) fail("name it " + name_);
  if (fsync(folder_.get()) != 0) fail("write the name " + name_ + " to the disk");
}
