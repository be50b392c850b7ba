#include "behalf/new_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "behalf/error.h"
#include "identity/errors.h"
#include "state/has_nul.h"
#include "transfer/whoever.h"

namespace behalf {

namespace {

constexpr int most_tries = 16;

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(detail::reason_of(error), "behalf: new file: " + what + ": " + detail::error_words(error), error);
}

// That nobody else chooses, and that does not hide what is left of it: NAME can be found in it.
std::string meanwhile(const std::string& name) {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) fail("make a name", errno);
  std::array<char, 18> suffix{};
  std::snprintf(suffix.data(), suffix.size(), ".%016llx", static_cast<unsigned long long>(number));
  constexpr std::size_t longest = 255 - 1 - 17;  // NAME_MAX
  return "." + name.substr(0, longest) + suffix.data();
}

}  // namespace

NewFile::NewFile(const std::filesystem::path& path, mode_t mode, const Carried& who)
    : who_(who), name_(path.filename().string()) {
  if (name_.empty() || name_ == "." || name_ == ".." || detail::has_nul(path))
    throw std::invalid_argument(std::string{"behalf: new file: "} + path.c_str() +
                                (detail::has_nul(path) ? ", with a NUL after that," : "") + " names no file");
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  detail::run_as_whoever(who_, [&] {
    folder_ = Descriptor(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder_ && errno == EACCES) folder_ = Descriptor(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder_) fail("open the folder " + parent.string(), errno);
    for (int left = most_tries; !file_; --left) {
      std::string tried = meanwhile(name_);
      file_ =
          Descriptor(::openat(folder_.get(), tried.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
      if (file_) {
        name_meanwhile_ = std::move(tried);
      } else if (errno != EEXIST || left == 0) {
        fail("create it in " + parent.string(), errno);
      }
    }
  });
}

NewFile::NewFile(NewFile&& other) noexcept
    : who_(other.who_),
      folder_(std::move(other.folder_)),
      file_(std::move(other.file_)),
      name_(std::move(other.name_)),
      name_meanwhile_(std::exchange(other.name_meanwhile_, {})) {}

NewFile::~NewFile() {
  if (name_meanwhile_.empty()) return;
  try {
    detail::run_as_whoever(who_, [&] { (void)::unlinkat(folder_.get(), name_meanwhile_.c_str(), 0); });
  } catch (...) {  // it stays, under a name that tells what it is; nobody else may remove it for her
  }
}

void NewFile::commit() {
  if (name_meanwhile_.empty()) throw std::logic_error("behalf: new file: " + name_ + " is committed already");
  detail::run_as_whoever(who_, [&] {
    if (::fsync(file_.get()) != 0) fail("write " + name_ + " to the disk", errno);
    if (::renameat(folder_.get(), name_meanwhile_.c_str(), folder_.get(), name_.c_str()) != 0)
      fail("name it " + name_, errno);
  });
  name_meanwhile_.clear();
  // A folder that may not be read cannot be asked to be written; the name is then on the disk when the system does it.
  (void)::fsync(folder_.get());
}

}  // namespace behalf
