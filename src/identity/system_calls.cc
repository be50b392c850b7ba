#include "identity/system_calls.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace behalf::detail {

namespace {

// syscall(2) itself, with the kernel's own way to tell an error, so that a failure does not disturb errno.
template <class... Arguments>
long raw(long number, Arguments... arguments) noexcept {
  const int kept = errno;
  const long result = ::syscall(number, arguments...);
  if (result != -1) return result;
  const int error = errno;
  errno = kept;
  return -error;
}

constexpr std::size_t kernel_mask_bytes = 8;  // rt_sigprocmask(2): the kernel's sigset_t, not glibc's

}  // namespace

const SystemCalls kernel_calls = {
    .setresuid = [](uid_t r, uid_t e, uid_t s) noexcept { return raw(SYS_setresuid, r, e, s); },
    .setresgid = [](gid_t r, gid_t e, gid_t s) noexcept { return raw(SYS_setresgid, r, e, s); },
    .setfsuid = [](uid_t id) noexcept { return raw(SYS_setfsuid, id); },
    .setfsgid = [](gid_t id) noexcept { return raw(SYS_setfsgid, id); },
    .setgroups = [](std::size_t count, const gid_t* list) noexcept { return raw(SYS_setgroups, count, list); },
    .getresuid = [](uid_t* r, uid_t* e, uid_t* s) noexcept { return raw(SYS_getresuid, r, e, s); },
    .getresgid = [](gid_t* r, gid_t* e, gid_t* s) noexcept { return raw(SYS_getresgid, r, e, s); },
    .getgroups = [](std::size_t count, gid_t* list) noexcept { return raw(SYS_getgroups, count, list); },
    .capget = [](SystemCalls::Header* header,
                 SystemCalls::Data* data) noexcept { return raw(SYS_capget, header, data); },
    .capset = [](SystemCalls::Header* header,
                 const SystemCalls::Data* data) noexcept { return raw(SYS_capset, header, data); },
    .rt_sigprocmask =
        [](int how, const std::uint64_t* set, std::uint64_t* old) noexcept {
          return raw(SYS_rt_sigprocmask, how, set, old, kernel_mask_bytes);
        },
    .prctl = [](int option, unsigned long a, unsigned long b) noexcept { return raw(SYS_prctl, option, a, b, 0L, 0L); },
    .keyctl = [](int operation, unsigned long a,
                 unsigned long b) noexcept { return raw(SYS_keyctl, operation, a, b, 0L, 0L); },
    .gettid = []() noexcept { return raw(SYS_gettid); },
};

namespace {
std::atomic<const SystemCalls*> in_use{&kernel_calls};
}

const SystemCalls& system_calls() noexcept {
  return *in_use.load(std::memory_order_acquire);
}

void replace_system_calls(const SystemCalls* table) noexcept {
  in_use.store(table != nullptr ? table : &kernel_calls, std::memory_order_release);
}

}  // namespace behalf::detail
