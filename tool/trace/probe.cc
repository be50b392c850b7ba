#include "trace/probe.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "trace/filter.h"
#include "trace/memory.h"

namespace behalf::tool {

std::string why_no_tracing() {
  const auto filter = make_filter();
  const pid_t child = fork();
  if (child < 0) return fmt::format("cannot make a process: {}", std::strerror(errno));
  if (child == 0) {
    if (const int error = install_filter(filter); error != 0) _exit(error);
    for (;;) pause();
  }
  std::string trouble;
  if (ptrace(PTRACE_SEIZE, child, 0, 0) != 0) {
    trouble = fmt::format("cannot trace a process (ptrace: {})", std::strerror(errno));
    if (read_file("/proc/sys/kernel/yama/ptrace_scope").starts_with('3'))
      trouble += ": /proc/sys/kernel/yama/ptrace_scope is 3";
    else
      trouble += ": in a container, run it with --cap-add=SYS_PTRACE --security-opt seccomp=unconfined";
  }
  kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, __WALL) == child && !WIFEXITED(status) && !WIFSIGNALED(status)) {
  }
  if (trouble.empty() && WIFEXITED(status))
    trouble =
        fmt::format("cannot install a seccomp filter without NO_NEW_PRIVS: {}", std::strerror(WEXITSTATUS(status)));
  return trouble;
}

}  // namespace behalf::tool
