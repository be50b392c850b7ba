#include "state/settings/layer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "state/settings/failure.h"

namespace behalf::detail {

namespace {

constexpr mode_t for_user_alone = 0700;
constexpr mode_t for_all_to_read = 0755;

int open_beneath(int folder, const char* path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? 0600 : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV | resolve;
  int fd = -1;
  do {  // EAGAIN: something was renamed meanwhile (openat2(2))
    fd = static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how));
  } while (fd < 0 && (errno == EINTR || (errno == EAGAIN && (flags & O_PATH) != 0)));
  return fd;
}

bool is_not_there(int error) {
  return error == ENOENT;
}

void make_folder(const Layer& layer, int root) {
  const auto make = [&](int in, const std::string& name) {
    const mode_t mode = layer.machine ? for_all_to_read : for_user_alone;
    const bool made = ::mkdirat(in, name.c_str(), mode) == 0;
    if (!made && errno != EEXIST) throw folder_failure(layer, errno);
    // Whatever the umask, which is the process's.
    if (made && layer.machine && ::fchmodat(in, name.c_str(), mode, 0) != 0) throw folder_failure(layer, errno);
  };
  if (layer.config.empty()) return make(root, layer.application);
  make(root, layer.config);
  const Descriptor config(open_beneath(root, layer.config.c_str(), O_PATH | O_DIRECTORY, 0));
  if (!config) throw folder_failure(layer, errno);
  make(config.get(), layer.application);
}

}  // namespace

std::string Layer::folder() const {
  return config.empty() ? application : config + '/' + application;
}
std::string Layer::path() const {
  return root + '/' + folder() + '/' + settings_file;
}

std::optional<FileIdentity> identity_of(const Layer& layer, const char* file) {
  struct stat status {};
  const std::string path = layer.root + '/' + layer.folder() + '/' + file;
  if (::lstat(path.c_str(), &status) != 0) {
    if (is_not_there(errno)) return std::nullopt;
    return FileIdentity{};
  }
  return FileIdentity{status.st_dev, status.st_ino};
}

Descriptor open_folder(const Layer& layer, bool make) {
  const Descriptor root(::open(layer.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root && !make && is_not_there(errno)) return Descriptor{};
  if (!root) throw folder_failure(layer, errno);
  const std::string folder = layer.folder();
  Descriptor opened(open_beneath(root.get(), folder.c_str(), O_PATH | O_DIRECTORY, 0));
  if (opened) return opened;
  if (!is_not_there(errno)) throw folder_failure(layer, errno);
  if (!make) return Descriptor{};
  make_folder(layer, root.get());
  Descriptor made(open_beneath(root.get(), folder.c_str(), O_PATH | O_DIRECTORY, 0));
  if (!made) throw folder_failure(layer, errno);
  return made;
}

int open_settled(int folder, const char* name, int flags, const Layer& layer, std::uint64_t largest,
                 const char*& wrong) {
  // O_NONBLOCK: neither a FIFO nor a lease (fcntl(2)) is waited for.
  Descriptor file(open_beneath(folder, name, flags | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_SYMLINKS));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    if (errno == ELOOP) wrong = "it is a symbolic link";
    if (errno == EXDEV) wrong = "it is on another file system";
    return -1;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode)) {
    wrong = "it is no regular file";
  } else if (status.st_uid != layer.owner && !(layer.machine && status.st_uid == 0)) {
    wrong = "it belongs to somebody else";
  } else if (layer.machine && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    wrong = "others than its owner may write it";
  } else if (status.st_nlink > 1) {
    wrong = "it has another name too, under which its journal would not be found";
  } else if (size > largest) {
    wrong = "it is larger than it may be";
  }
  if (wrong == nullptr) return file.release();
  errno = EINVAL;
  return -1;
}

}  // namespace behalf::detail
