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

Descriptor working_directory() {
  Descriptor now(as_user_or_service([] { return ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (!now) fail("keep the working directory", errno);
  return now;
}

}  // namespace

namespace detail {

OfThread::OfThread() {
  // Each time: a thread that was started meanwhile shares what this one had (clone(2), CLONE_FS). Where nobody shares
  // it nothing is copied.
  if (::unshare(CLONE_FS) != 0) fail("have a working directory of the thread's own: unshare", errno);
}

}  // namespace detail

ThreadDirectory::ThreadDirectory(const std::filesystem::path& directory) : before_(working_directory()) {
  if (::chdir(directory.c_str()) != 0) fail("enter " + directory.string(), errno);
}

ThreadDirectory::ThreadDirectory(const Descriptor& directory) : before_(working_directory()) {
  if (::fchdir(directory.get()) != 0)
    fail("enter the directory of descriptor " + std::to_string(directory.get()), errno);
}

ThreadDirectory::~ThreadDirectory() {
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

ThreadUmask::ThreadUmask(mode_t mask) : before_(::umask(mask)) {}

ThreadUmask::~ThreadUmask() {
  ::umask(before_);
}

}  // namespace behalf
