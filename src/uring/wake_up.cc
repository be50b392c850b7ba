#include "uring/wake_up.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "behalf/error.h"
#include "identity/errors.h"

namespace behalf::uring::detail {

WakeUp::WakeUp() : fd_(::eventfd(0, EFD_CLOEXEC)) {
  if (fd_ >= 0) return;
  throw Error(Error::Reason::out_of_resources,
              std::string{"behalf: uring: make an eventfd: "} + behalf::detail::error_words(errno), errno);
}

WakeUp::~WakeUp() {
  ::close(fd_);
}

void WakeUp::call() noexcept {
  (void)::eventfd_write(fd_, 1);
}

void WakeUp::answer() noexcept {
  eventfd_t count = 0;
  (void)::eventfd_read(fd_, &count);
}

}  // namespace behalf::uring::detail
