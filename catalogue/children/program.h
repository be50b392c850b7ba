// Starting a program, and what most cures of this family need: starting it as the caller and nobody else.
#pragma once

#include <sys/syscall.h>
#include <sys/wait.h>

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

// Becomes the program, with the caller's effective ids as its real and saved ones too: it is the user for good. To be
// called in a child. Groups need nothing: they go with fork(2) and execve(2). Raw calls, since the wrappers of the C
// library take a lock and signal threads that the child has not got.
[[noreturn]] inline void become_as_caller(char* const argv[], char* const environment[] = environ) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (syscall(SYS_setresgid, group, group, group) == 0 && syscall(SYS_setresuid, user, user, user) == 0) {
    execve(argv[0], argv, environment);
  }
  _exit(127);
}

inline int run_as_caller(char* const argv[], char* const environment[] = environ) {
  const pid_t child = fork();
  if (child == 0) become_as_caller(argv, environment);
  return child < 0 ? -1 : wait_for(child);
}

// The first line that the command of a shell prints, without its end.
inline std::string line_from_shell_as_caller(const char* command) {
  char* const argv[] = {const_cast<char*>("/bin/sh"), const_cast<char*>("-c"), const_cast<char*>(command), nullptr};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    if (dup2(ends[1], STDOUT_FILENO) >= 0) become_as_caller(argv);
    _exit(127);
  }
  close(ends[1]);
  char line[64] = {};
  const ssize_t size = read(ends[0], line, sizeof line - 1);
  close(ends[0]);
  if (child > 0) wait_for(child);
  return size > 0 ? std::string(line, std::strcspn(line, "\n")) : "";
}

}  // namespace behalf_row
