// behalf: run-as is done here, at once; all else is the tool's, PREFIX/libexec/behalf/behalf-tool, which is executed. A
// command as a user is started in less time than it takes to load the libraries that the rest of the tool stands on.
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "run_as/command_line.h"
#include "run_as/run_as.h"

namespace behalf::tool {
namespace {

enum Exit { exit_usage = 64, exit_machine = 69 };

// PREFIX/bin/behalf has it in PREFIX/libexec/behalf.
int execute_tool(char** argv) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length < 0) {
    std::fprintf(stderr, "behalf: cannot read /proc/self/exe: %s. Mount /proc: it is needed for all but run-as\n",
                 std::strerror(errno));
    return exit_machine;
  }
  std::string tool(self, static_cast<std::size_t>(length));
  for (int above = 0; above < 2; ++above) tool.resize(tool.find_last_of('/') == tool.npos ? 0 : tool.find_last_of('/'));
  tool += "/libexec/behalf/behalf-tool";
  execv(tool.c_str(), argv);
  std::fprintf(stderr, "behalf: its part %s cannot be executed: %s. Build or install behalf again\n", tool.c_str(),
               std::strerror(errno));
  return exit_machine;
}

// One that is closed would be taken by the first file that is opened.
void fill_standard_descriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
  if (fd >= 0) close(fd);
}

int run(int argc, char** argv) {
  if (argc < 2 || std::strcmp(argv[1], "run-as") != 0) return execute_tool(argv);
  try {
    const std::optional<RunAs> wanted = read_run_as(argc - 1, argv + 1);
    // The tool has libpam, and the rest of run-as with it.
    if (wanted && wanted->session) return execute_tool(argv);
    fill_standard_descriptors();
    if (wanted) return run_as(*wanted, nullptr);
    std::fputs(run_as_help, stdout);
    return std::fflush(stdout) == 0 ? 0 : exit_machine;
  } catch (const RunAsUsage& error) {
    std::fprintf(stderr, "behalf: %s (behalf run-as --help says how)\n", error.what());
    return exit_usage;
  }
}

}  // namespace
}  // namespace behalf::tool

int main(int argc, char** argv) {
  return behalf::tool::run(argc, argv);
}
