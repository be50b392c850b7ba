// Starting a program, and what the cures of this family need: starting it as the caller and nobody else.
#pragma once

#include <behalf/impersonation.h>
#include <behalf/system.h>
#include <spawn.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "row.h"

namespace behalf_row {

// What `id` prints tells all that a new program is: real and effective ids, and groups.
inline char* const id_program[] = {const_cast<char*>("/usr/bin/id"), nullptr};

// Waits for the child; returns its exit status, or -1 if it was killed.
inline int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The program as whom the thread works for. Where that is nobody, it is the service's own, or the oracle's, which is
// the user: what posix_spawn(3) is for.
inline int run_as_caller(const std::vector<std::string>& argv) {
  if (behalf::worn()) return behalf::system(argv).code;
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (const int failed = posix_spawn(&child, pointers[0], nullptr, nullptr, pointers.data(), environ)) return failed;
  return wait_for(child);
}

// Prints the first line that the command of a shell prints. The shell is asked for by its name.
inline int print_line_from_shell_as_caller(const std::string& command) {
  std::fflush(stdout);
  return run_as_caller({"/bin/sh", "-c", "printf 'the command is %s\\n' \"$(" + command + ")\""});
}

}  // namespace behalf_row
