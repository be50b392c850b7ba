// Operations that leave the process or the thread other than they found it, or keep what they should not.
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <random>
#include <thread>

extern "C" {

int changes_umask() {
  umask(0077);
  return 0;
}
int changes_directory() {
  return chdir("/srv/inbox");
}
int changes_environment() {
  return setenv("TOOL_TEST", "changed", 1);
}
int changes_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 100;
  return setrlimit(RLIMIT_NOFILE, &limit);
}
int handles_signal() {
  std::signal(SIGUSR1, [](int) {});
  return 0;
}
int ignores_signal() {
  std::signal(SIGUSR2, SIG_IGN);
  return 0;
}
int stays_the_user_by_raw_call() {
  const auto user = static_cast<long>(syscall(SYS_geteuid));
  return user == 0 ? 0 : static_cast<int>(syscall(SYS_setresuid, user, user, user));
}
int changes_back() {
  const mode_t before = umask(0077);
  umask(before);
  return 0;
}
int changes_own_back() {
  static const auto change = [] {
    if (unshare(CLONE_FS) == 0) umask(umask(0077));
  };
  std::thread(change).join();
  return 0;
}

// A child that means to be the user for good: with and without the saved gid.
static int in_child(bool wholly) {
  const pid_t child = fork();
  if (child == 0) {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (wholly) syscall(SYS_setresgid, group, group, group);
    syscall(SYS_setresuid, user, user, user);
    _exit(access("/home/alice/note.txt", R_OK) == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}
int keeps_saved_gid() {
  return in_child(false);
}
int keeps_nothing() {
  return in_child(true);
}

// The first caller's answer, kept by the thread.
int keeps_in_thread() {
  thread_local std::optional<uid_t> first;
  if (!first) first = geteuid();
  std::printf("user %u\n", *first);
  return 0;
}
// The first caller's answer, kept by the process.
int keeps_in_process() {
  static const uid_t first = geteuid();
  std::printf("user %u\n", first);
  return 0;
}

int prints_noise() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  std::printf("process %d at %lld.%09ld: user %u\n", getpid(), static_cast<long long>(now.tv_sec), now.tv_nsec,
              geteuid());
  return 0;
}
// A time that two runs in the same second share, and a run a second later does not.
int prints_the_second() {
  std::printf("at %lld: user %u\n", static_cast<long long>(time(nullptr)), geteuid());
  return 0;
}
int returns_random() {
  return static_cast<int>(std::random_device{}() & 0xffffff);
}

}  // extern "C"
