#include "behalf/thread_directory.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/give_back_failure.h"
#include "state/has_nul.h"

namespace behalf {

namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(detail::reason_of(error),
              "behalf: " + what + ": " + detail::error_words(error) + ". The thread is where it was before", error);
}

// Where the service was the user may not be allowed to look, nor to go back to (open(2), O_PATH; fchdir(2): both need
// search permission); then the service does it.
template <class Call>
int as_user_or_service(const Call& call) {
  const int result = call();
  if (result >= 0 || errno != EACCES) return result;
  const detail::AsServiceIfAny self;
  return call();
}

int open_directory(const std::filesystem::path& path) {
  if (detail::has_nul(path)) {
    errno = ENOENT;
    return -1;
  }
  return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

// Each time: a thread that was started meanwhile shares what this one had (clone(2), CLONE_FS). Where nobody shares it
// nothing is copied.
void have_of_its_own() {
  if (::unshare(CLONE_FS) != 0) fail("have a working directory of the thread's own: unshare", errno);
}

}  // namespace

ThreadDirectory::ThreadDirectory(const std::filesystem::path& directory)
    : to_enter_("enter " + directory.string()), directory_(open_directory(directory)) {
  if (!directory_) fail(to_enter_, errno);
  begin();
}

ThreadDirectory::ThreadDirectory(const Descriptor& directory)
    : to_enter_("enter the directory of descriptor " + std::to_string(directory.get())),
      directory_(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)) {
  if (!directory_) fail(to_enter_, errno);
  begin();
}

void ThreadDirectory::take() {
  have_of_its_own();
  before_ = Descriptor(as_user_or_service([] { return open_directory("."); }));
  if (!before_) fail("keep the working directory", errno);
  // Again, in a task that goes on: a scope of somebody else's may be open by now, who may be in it and not enter it.
  const auto enter = [this] { return ::fchdir(directory_.get()); };
  if ((entered_ ? as_user_or_service(enter) : enter()) != 0) fail(to_enter_, errno);
  entered_ = true;
}

void ThreadDirectory::put_back() noexcept {
  const int kept_errno = errno;
  try {
    if (as_user_or_service([this] { return ::fchdir(before_.get()); }) != 0) {
      detail::cannot_give_back(nullptr, {"fchdir to the working directory before", errno});
    }
  } catch (const std::exception& error) {
    detail::end_process(error.what());
  }
  errno = kept_errno;
}

ThreadUmask::ThreadUmask(mode_t mask) : mask_(mask) {
  begin();
}

void ThreadUmask::take() {
  have_of_its_own();
  before_ = ::umask(mask_);
}

void ThreadUmask::put_back() noexcept {
  ::umask(before_);
}

}  // namespace behalf
