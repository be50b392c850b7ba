#include "trace/system_call_table.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <vector>

// Calls that Debian 12's headers do not know yet; numbers are the same on all architectures (asm-generic/unistd.h).
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_removexattrat 466
#endif

namespace behalf::tool {
namespace {

using enum Role;
using D = Decides;
using O = Object;

// clang-format off
constexpr SystemCall table[] = {
    // Who the thread is.
    {SYS_setuid, "setuid", identity}, {SYS_setgid, "setgid", identity},
    {SYS_setreuid, "setreuid", identity}, {SYS_setregid, "setregid", identity},
    {SYS_setresuid, "setresuid", identity}, {SYS_setresgid, "setresgid", identity},
    {SYS_setfsuid, "setfsuid", identity}, {SYS_setfsgid, "setfsgid", identity},
    {SYS_setgroups, "setgroups", identity}, {SYS_capset, "capset", identity},
    {SYS_setns, "setns", identity}, {SYS_unshare, "unshare", identity},
    {SYS_prctl, "prctl", mark},

    // Paths: judged by the file-system ids (path_resolution(7)).
#ifdef SYS_open
    {SYS_open, "open", effect, D::fs, O::path, 0}, {SYS_creat, "creat", effect, D::fs, O::path, 0},
    {SYS_stat, "stat", effect, D::fs, O::path, 0}, {SYS_lstat, "lstat", effect, D::fs, O::path, 0},
    {SYS_mkdir, "mkdir", effect, D::fs, O::path, 0}, {SYS_rmdir, "rmdir", effect, D::fs, O::path, 0},
    {SYS_unlink, "unlink", effect, D::fs, O::path, 0}, {SYS_rename, "rename", effect, D::fs, O::path, 1},
    {SYS_link, "link", effect, D::fs, O::path, 1}, {SYS_symlink, "symlink", effect, D::fs, O::path, 1},
    {SYS_readlink, "readlink", effect, D::fs, O::path, 0}, {SYS_chmod, "chmod", effect, D::fs, O::path, 0},
    {SYS_chown, "chown", effect, D::fs, O::path, 0}, {SYS_lchown, "lchown", effect, D::fs, O::path, 0},
    {SYS_mknod, "mknod", effect, D::fs, O::path, 0}, {SYS_utime, "utime", effect, D::fs, O::path, 0},
    {SYS_utimes, "utimes", effect, D::fs, O::path, 0}, {SYS_futimesat, "futimesat", effect, D::fs, O::path_at, 1, 0},
    {SYS_access, "access", effect, D::real, O::path, 0},
#endif
    {SYS_openat, "openat", effect, D::fs, O::path_at, 1, 0}, {SYS_openat2, "openat2", effect, D::fs, O::path_at, 1, 0},
#ifdef SYS_newfstatat
    {SYS_newfstatat, "newfstatat", effect, D::fs, O::path_at, 1, 0},
#endif
    {SYS_statx, "statx", effect, D::fs, O::path_at, 1, 0},
    {SYS_mkdirat, "mkdirat", effect, D::fs, O::path_at, 1, 0}, {SYS_unlinkat, "unlinkat", effect, D::fs, O::path_at, 1, 0},
#ifdef SYS_renameat
    {SYS_renameat, "renameat", effect, D::fs, O::path_at, 3, 2},
#endif
    {SYS_renameat2, "renameat2", effect, D::fs, O::path_at, 3, 2}, {SYS_linkat, "linkat", effect, D::fs, O::path_at, 3, 2},
    {SYS_symlinkat, "symlinkat", effect, D::fs, O::path_at, 2, 1}, {SYS_readlinkat, "readlinkat", effect, D::fs, O::path_at, 1, 0},
    {SYS_fchmodat, "fchmodat", effect, D::fs, O::path_at, 1, 0}, {SYS_fchmodat2, "fchmodat2", effect, D::fs, O::path_at, 1, 0},
    {SYS_fchownat, "fchownat", effect, D::fs, O::path_at, 1, 0}, {SYS_mknodat, "mknodat", effect, D::fs, O::path_at, 1, 0},
    {SYS_utimensat, "utimensat", effect, D::fs, O::path_at, 1, 0}, {SYS_truncate, "truncate", effect, D::fs, O::path, 0},
    {SYS_chdir, "chdir", effect, D::fs, O::path, 0}, {SYS_chroot, "chroot", effect, D::effective, O::path, 0},
    {SYS_fchmod, "fchmod", effect, D::fs, O::descriptor, 0}, {SYS_fchown, "fchown", effect, D::fs, O::descriptor, 0},
    {SYS_fchdir, "fchdir", effect, D::fs, O::descriptor, 0}, {SYS_statfs, "statfs", effect, D::fs, O::path, 0},
    {SYS_setxattr, "setxattr", effect, D::fs, O::path, 0}, {SYS_lsetxattr, "lsetxattr", effect, D::fs, O::path, 0},
    {SYS_fsetxattr, "fsetxattr", effect, D::fs, O::descriptor, 0}, {SYS_getxattr, "getxattr", effect, D::fs, O::path, 0},
    {SYS_lgetxattr, "lgetxattr", effect, D::fs, O::path, 0}, {SYS_removexattr, "removexattr", effect, D::fs, O::path, 0},
    {SYS_lremovexattr, "lremovexattr", effect, D::fs, O::path, 0}, {SYS_fremovexattr, "fremovexattr", effect, D::fs, O::descriptor, 0},
    {SYS_setxattrat, "setxattrat", effect, D::fs, O::path_at, 1, 0}, {SYS_getxattrat, "getxattrat", effect, D::fs, O::path_at, 1, 0},
    {SYS_removexattrat, "removexattrat", effect, D::fs, O::path_at, 1, 0},
    {SYS_name_to_handle_at, "name_to_handle_at", effect, D::fs, O::path_at, 1, 0},
    {SYS_open_by_handle_at, "open_by_handle_at", effect, D::effective, O::descriptor, 0},
    {SYS_inotify_add_watch, "inotify_add_watch", effect, D::fs, O::path, 1},
    {SYS_fanotify_init, "fanotify_init", effect, D::effective}, {SYS_quotactl, "quotactl", effect, D::effective, O::path, 1},
    {SYS_mount, "mount", effect, D::effective, O::path, 1}, {SYS_umount2, "umount2", effect, D::effective, O::path, 0},
    {SYS_swapon, "swapon", effect, D::effective, O::path, 0}, {SYS_acct, "acct", effect, D::effective, O::path, 0},
    {SYS_mq_open, "mq_open", effect, D::fs, O::path, 0}, {SYS_mq_unlink, "mq_unlink", effect, D::fs, O::path, 0},

    // Asks nobody, and concerns every thread (as chdir, fchdir and chroot do too).
    {SYS_umask, "umask", shared},

    // The real id decides (access(2); faccessat2 with AT_EACCESS is turned into `fs` by the tracer).
    {SYS_faccessat, "faccessat", effect, D::real, O::path_at, 1, 0}, {SYS_faccessat2, "faccessat2", effect, D::real, O::path_at, 1, 0},

    // New programs.
    {SYS_execve, "execve", effect, D::program, O::path, 0}, {SYS_execveat, "execveat", effect, D::program, O::path_at, 1, 0},

    // Other processes, sockets, System V IPC, keys: the effective ids, unless said otherwise.
    {SYS_connect, "connect", effect, D::effective, O::socket_address, 1}, {SYS_bind, "bind", effect, D::effective, O::socket_address, 1},
    {SYS_kill, "kill", effect, D::sender, O::process, 0}, {SYS_tkill, "tkill", effect, D::sender, O::process, 0},
    {SYS_tgkill, "tgkill", effect, D::sender, O::process, 0}, {SYS_rt_sigqueueinfo, "rt_sigqueueinfo", effect, D::sender, O::process, 0},
    {SYS_rt_tgsigqueueinfo, "rt_tgsigqueueinfo", effect, D::sender, O::process, 0},
    {SYS_pidfd_send_signal, "pidfd_send_signal", effect, D::sender, O::descriptor, 0},
    {SYS_pidfd_getfd, "pidfd_getfd", effect, D::fs, O::descriptor, 0},
    {SYS_ptrace, "ptrace", effect, D::real, O::process, 1},
    {SYS_process_vm_readv, "process_vm_readv", effect, D::real, O::process, 0},
    {SYS_process_vm_writev, "process_vm_writev", effect, D::real, O::process, 0},
    {SYS_setpriority, "setpriority", effect, D::effective}, {SYS_sched_setscheduler, "sched_setscheduler", effect, D::effective},
    {SYS_shmget, "shmget", effect, D::effective, O::number, 0}, {SYS_shmat, "shmat", effect, D::effective}, {SYS_shmctl, "shmctl", effect, D::effective},
    {SYS_semget, "semget", effect, D::effective, O::number, 0}, {SYS_semctl, "semctl", effect, D::effective},
    {SYS_msgget, "msgget", effect, D::effective, O::number, 0}, {SYS_msgctl, "msgctl", effect, D::effective},
    {SYS_add_key, "add_key", effect, D::fs, O::number, 4}, {SYS_request_key, "request_key", effect, D::fs},
    {SYS_keyctl, "keyctl", effect, D::fs, O::number, 1},
    {SYS_bpf, "bpf", effect, D::effective}, {SYS_perf_event_open, "perf_event_open", effect, D::effective},
    {SYS_userfaultfd, "userfaultfd", effect, D::effective}, {SYS_sethostname, "sethostname", effect, D::effective},
    {SYS_reboot, "reboot", effect, D::effective}, {SYS_syslog, "syslog", effect, D::effective},

    // No id decides, but a capability or a count: watched for what they are refused.
    {SYS_sched_setparam, "sched_setparam", effect, D::power}, {SYS_sched_setattr, "sched_setattr", effect, D::power},
    {SYS_ioprio_set, "ioprio_set", effect, D::power}, {SYS_inotify_init1, "inotify_init1", effect, D::power},
    {SYS_mlock, "mlock", effect, D::power}, {SYS_mlock2, "mlock2", effect, D::power}, {SYS_mlockall, "mlockall", effect, D::power},
    {SYS_setrlimit, "setrlimit", effect, D::power}, {SYS_prlimit64, "prlimit64", effect, D::power},

    // Births are reported by the kernel; clone and clone3 are here for CLONE_UNTRACED.
    {SYS_clone, "clone", birth}, {SYS_clone3, "clone3", birth},

    // Hand-offs: who wakes whom, and who takes what whom gave.
    {SYS_futex, "futex", causal}, {SYS_futex_waitv, "futex_waitv", causal},
    {SYS_socketpair, "socketpair", causal}, {SYS_accept, "accept", causal}, {SYS_accept4, "accept4", causal},
    {SYS_read, "read", causal}, {SYS_readv, "readv", causal}, {SYS_recvfrom, "recvfrom", causal}, {SYS_recvmsg, "recvmsg", causal},
    {SYS_sendmsg, "sendmsg", causal},
    {SYS_mq_timedsend, "mq_timedsend", causal}, {SYS_mq_timedreceive, "mq_timedreceive", causal},
    {SYS_msgsnd, "msgsnd", causal}, {SYS_msgrcv, "msgrcv", causal},
    {SYS_semop, "semop", causal}, {SYS_semtimedop, "semtimedop", causal}, {SYS_rt_sigtimedwait, "rt_sigtimedwait", causal},
    {SYS_epoll_ctl, "epoll_ctl", causal}, {SYS_epoll_pwait, "epoll_pwait", causal}, {SYS_epoll_pwait2, "epoll_pwait2", causal},
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait", causal},
#endif

    // What fires of its own accord.
    {SYS_timer_settime, "timer_settime", timer}, {SYS_timer_delete, "timer_delete", timer},
    {SYS_timerfd_settime, "timerfd_settime", timer}, {SYS_setitimer, "setitimer", timer},
#ifdef SYS_alarm
    {SYS_alarm, "alarm", timer},
#endif

    {SYS_io_uring_setup, "io_uring_setup", ring}, {SYS_io_uring_enter, "io_uring_enter", ring},
    {SYS_io_uring_register, "io_uring_register", ring},

    {SYS_write, "write", output}, {SYS_writev, "writev", output}, {SYS_sendto, "sendto", output},

    {SYS_sched_getaffinity, "sched_getaffinity", affinity}, {SYS_sched_setaffinity, "sched_setaffinity", affinity},
};
// clang-format on

}  // namespace

std::span<const SystemCall> system_calls() {
  return table;
}

const SystemCall* find_system_call(int number) {
  static const std::vector<const SystemCall*> by_number = [] {
    std::vector<const SystemCall*> index;
    for (const SystemCall& call : table) {
      const auto at = static_cast<std::size_t>(call.number);
      if (index.size() <= at) index.resize(at + 1);
      index[at] = &call;
    }
    return index;
  }();
  const auto at = static_cast<std::size_t>(number);
  return number >= 0 && at < by_number.size() ? by_number[at] : nullptr;
}

std::string_view to_string(Decides decides) {
  constexpr std::array<std::string_view, 7> names = {"none", "fs", "effective", "real", "program", "sender", "power"};
  return names[static_cast<std::size_t>(decides)];
}

}  // namespace behalf::tool
