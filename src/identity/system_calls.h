// The seam to the kernel: one entry per system call, under its own name. A test puts another table in, to make the
// n-th call fail or lie.
//
// The entries are raw system calls. glibc's wrappers of the same names are for whole processes: they make every thread
// run the call by a signal, which gives other threads an identity that is not theirs, and abort the process where the
// threads' answers differ (nptl(7), "C library/kernel differences" of setresuid(2)).
#pragma once

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace behalf::detail {

// Every entry returns what the kernel returns: 0 or more, or an errno, negated. errno itself is left alone.
struct SystemCalls {
  using Header = __user_cap_header_struct;
  using Data = __user_cap_data_struct;

  long (*setresuid)(uid_t real, uid_t effective, uid_t saved) noexcept = nullptr;
  long (*setresgid)(gid_t real, gid_t effective, gid_t saved) noexcept = nullptr;
  long (*setfsuid)(uid_t id) noexcept = nullptr;
  long (*setfsgid)(gid_t id) noexcept = nullptr;
  long (*setgroups)(std::size_t count, const gid_t* list) noexcept = nullptr;
  long (*getresuid)(uid_t* real, uid_t* effective, uid_t* saved) noexcept = nullptr;
  long (*getresgid)(gid_t* real, gid_t* effective, gid_t* saved) noexcept = nullptr;
  long (*getgroups)(std::size_t count, gid_t* list) noexcept = nullptr;
  long (*capget)(Header* header, Data* data) noexcept = nullptr;
  long (*capset)(Header* header, const Data* data) noexcept = nullptr;
  long (*rt_sigprocmask)(int how, const std::uint64_t* set, std::uint64_t* old) noexcept = nullptr;
  long (*prctl)(int option, unsigned long a, unsigned long b) noexcept = nullptr;
  long (*keyctl)(int operation, unsigned long a, unsigned long b) noexcept = nullptr;
  long (*gettid)() noexcept = nullptr;

  // What else makes a child (src/state/children). A child shares the memory of its parent until it executes a program.
  struct Action {  // the kernel's sigaction, whose zero is SIG_DFL
    std::uint64_t words[4] = {};
  };
  long (*clone)(int (*run)(void*), void* stack_end, int flags, void* data, int* pidfd) noexcept = nullptr;
  long (*rt_sigaction)(int signal, const Action* action) noexcept = nullptr;
  long (*setsid)() noexcept = nullptr;
  long (*ioctl)(int fd, unsigned long request, unsigned long a) noexcept = nullptr;
  long (*fcntl)(int fd, int command, unsigned long a) noexcept = nullptr;
  long (*dup3)(int from, int to, int flags) noexcept = nullptr;
  long (*close_range)(unsigned first, unsigned last, unsigned flags) noexcept = nullptr;
  long (*setrlimit)(int resource, const rlimit* limit) noexcept = nullptr;
  long (*chdir)(const char* path) noexcept = nullptr;
  long (*umask)(mode_t mask) noexcept = nullptr;
  long (*nanosleep)(long nanoseconds) noexcept = nullptr;  // less than a second
  long (*execve)(const char* path, char* const* argv, char* const* environment) noexcept = nullptr;
};

// The real ones.
extern const SystemCalls kernel_calls;

// The table in use. Replacing it concerns all threads, and is for tests.
const SystemCalls& system_calls() noexcept;
void replace_system_calls(const SystemCalls* table) noexcept;

}  // namespace behalf::detail
