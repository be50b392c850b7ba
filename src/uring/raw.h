// syscall(2) with the kernel's own way to tell an error.
#pragma once

#include <unistd.h>

#include <cerrno>

namespace behalf::uring::detail {

template <class... Arguments>
long raw(long number, Arguments... arguments) noexcept {
  const long result = ::syscall(number, arguments...);
  return result == -1 ? -errno : result;
}

}  // namespace behalf::uring::detail
