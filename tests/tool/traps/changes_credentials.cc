// Changes its credentials in every way, acting after each change and saying who it then finds itself to be.
#include <linux/securebits.h>
#include <sched.h>
#include <sys/wait.h>

#include <thread>

#include "trap.h"

namespace {

void step(const char* name) {
  trap::look((std::string("/trap/") + name).c_str());
  trap::say("%s %s\n", name, trap::who_am_i().c_str());
}

void drop(int capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  trap::must(syscall(SYS_capget, &header, data) == 0, "capget");
  data[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
  trap::must(syscall(SYS_capset, &header, data) == 0, "capset");
}

}  // namespace

int main() {
  step("start");
  const gid_t groups[] = {3100, 3001, 70000};
  trap::must(syscall(SYS_setgroups, 3, groups) == 0, "setgroups");
  step("setgroups");
  syscall(SYS_setfsgid, 3001);
  step("setfsgid");
  syscall(SYS_setfsuid, 3001);
  step("setfsuid");
  syscall(SYS_setfsuid, 0);
  step("setfsuid-back");
  drop(CAP_DAC_OVERRIDE);
  step("capset");
  syscall(SYS_setresgid, 3001, 3002, 3001);
  step("setresgid");
  syscall(SYS_setregid, 3002, 3001);
  step("setregid");
  syscall(SYS_setresuid, -1, 3001, -1);
  step("setresuid-effective");
  std::thread([] {
    step("thread-of-alice");
    syscall(SYS_setresuid, 3002, -1, -1);  // refused: neither real, effective nor saved
    step("refused");
    syscall(SYS_setresuid, -1, 0, -1);
    step("thread-of-root");
  }).join();
  step("untouched-by-thread");
  syscall(SYS_setresuid, -1, 0, -1);
  const pid_t child = fork();
  if (child == 0) {
    syscall(SYS_setreuid, 3002, 3002);
    step("child-of-bob");
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  step("parent-of-child");
  prctl(PR_SET_KEEPCAPS, 1);
  syscall(SYS_setgroups, 0, nullptr);
  syscall(SYS_setgid, 3009);
  syscall(SYS_setuid, 3009);
  step("keeps-caps");
  prctl(PR_SET_KEEPCAPS, 0);
  trap::must(unshare(CLONE_FS) == 0, "unshare");
  step("unshared");
}
