#include "identity/system_calls.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <utility>

// clone(2) by its other name in the C library. By the first, ThreadSanitizer puts itself between, and takes the child
// to have memory of its own in which it may stop looking.
extern "C" int __clone(int (*run)(void*), void* stack_end, int flags, void* data, ...) noexcept;

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

// It does not return, and the child that called it shares the memory in which ThreadSanitizer keeps count of what has
// been called and has not returned.
__attribute__((no_sanitize("thread"))) long execute(const char* path, char* const* argv,
                                                    char* const* environment) noexcept {
  const int kept = errno;
  ::syscall(SYS_execve, path, argv, environment);
  return -std::exchange(errno, kept);
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
    .clone =
        [](int (*run)(void*), void* stack_end, int flags, void* data, int* pidfd) noexcept {
          const int kept = errno;
          const long result = __clone(run, stack_end, flags, data, pidfd);
          return result == -1 ? -std::exchange(errno, kept) : result;
        },
    .rt_sigaction =
        [](int signal, const SystemCalls::Action* action) noexcept {
          return raw(SYS_rt_sigaction, signal, action, nullptr, kernel_mask_bytes);
        },
    .setsid = []() noexcept { return raw(SYS_setsid); },
    .ioctl = [](int fd, unsigned long request, unsigned long a) noexcept { return raw(SYS_ioctl, fd, request, a); },
    .fcntl = [](int fd, int command, unsigned long a) noexcept { return raw(SYS_fcntl, fd, command, a); },
    .dup3 = [](int from, int to, int flags) noexcept { return raw(SYS_dup3, from, to, flags); },
    .close_range = [](unsigned first, unsigned last,
                      unsigned flags) noexcept { return raw(SYS_close_range, first, last, flags); },
    .setrlimit = [](int resource,
                    const rlimit* limit) noexcept { return raw(SYS_prlimit64, 0, resource, limit, nullptr); },
    .chdir = [](const char* path) noexcept { return raw(SYS_chdir, path); },
    .umask = [](mode_t mask) noexcept { return raw(SYS_umask, mask); },
    .nanosleep =
        [](long nanoseconds) noexcept {
          const timespec time{0, nanoseconds};
          return raw(SYS_nanosleep, &time, nullptr);
        },
    .execve = execute,
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
