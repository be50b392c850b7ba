// Asking, from a program: does this operation work when impersonating? For tests; <behalf/gtest.h> is the matcher.
//
//     #include <behalf/check.h>
//     #include <iostream>
//
//     BEHALF_DECLARE_OPERATION(reads_note);  // defined in a shared object that this program is linked with
//
//     int main() {
//       const behalf::CheckResult result = behalf::check(BEHALF_CHECK(reads_note), {.postures = {"full"}});
//       std::cout << result.report;
//       return result.exit_code;
//     }
//
// It runs the tool `behalf`, which takes seconds and needs root or subordinate ids, in a process of its own: nothing in
// the calling process changes. Which one: the environment's BEHALF_TOOL, else the one that CMake's target behalf::check
// names (the macro BEHALF_TOOL), else the one that PATH leads to.
//
// Thread-safety: all may be called at any time from any thread. Cost: a process, and some seconds.
#pragma once

#include <behalf/operation.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace behalf {

// What is asked about: a call, as `behalf check` takes it, of a function of a library.
struct CheckedOperation {
  std::string library;
  std::string call;
  std::string trouble = {};  // why it cannot be asked; empty when it can
};

struct CheckOptions {
  std::vector<std::string> postures = {};  // files, effective, full, shielded; none: full
  std::vector<std::string> legs = {};      // none: all
  std::vector<std::string> setup = {};     // calls made once, before any operation
};

struct CheckResult {
  int exit_code =
      70;  // the tool's: 0 works, 1 does not, 2 unclear, 64 usage, 69 this machine cannot do it, 70 internal
  std::string report;  // the text report, or the error
};

// A function by the library that has it: a path, or a name that the dynamic linker knows. The call as the tool takes
// it: `NAME`, or `const char *g_get_home_dir(void)`.
inline CheckedOperation operation_in(std::string library, std::string call) {
  return {std::move(library), std::move(call)};
}

// The operation of that name and address, in whatever shared object of this process it is.
inline CheckedOperation operation_at(const char* name, void* address) {
  Dl_info at{};
  link_map* map = nullptr;
  const auto in_library = [&] {
    return dladdr1(address, &at, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) != 0 && map != nullptr &&
           map->l_name != nullptr && *map->l_name != '\0';
  };
  if (in_library()) return {map->l_name, name};
  // In a program that is not position-independent the address of a function elsewhere is one of its own (its PLT's).
  for (const link_map* other = map; other != nullptr; other = other->l_next) {
    if (other->l_name == nullptr || *other->l_name != '/') continue;
    void* const handle = dlopen(other->l_name, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) continue;
    address = dlsym(handle, name);
    dlclose(handle);
    if (address != nullptr && in_library()) return {map->l_name, name};
  }
  return {"", name,
          std::string("the operation '") + name +
              "' is in the program itself, and dlopen(3) takes no programs: define it in a shared object "
              "(add_library(NAME SHARED ...)) and link the program with that"};
}

// BEHALF_CHECK(name): the operation `name`, which must have been declared.
#define BEHALF_CHECK(name) ::behalf::operation_at(#name, reinterpret_cast<void*>(&(name)))

namespace check_internal {

inline std::string tool() {
  if (const char* named = std::getenv("BEHALF_TOOL"); named != nullptr && *named != '\0') return named;
#ifdef BEHALF_TOOL
  return BEHALF_TOOL;
#else
  return "behalf";
#endif
}

// The tool with these arguments, its two outputs in one. No shell, and no descriptor more than the tool needs.
inline CheckResult run(std::vector<std::string> words) {
  words.insert(words.begin(), tool());
  const auto failed = [&](const char* what, int error) {
    return CheckResult{70, std::string("cannot run '") + words[0] + "': " + what + ": " + std::strerror(error) +
                               " (install behalf, or name the tool in the environment's BEHALF_TOOL)\n"};
  };
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed("pipe", errno);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  pid_t process = -1;
  const int error = posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  CheckResult result;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; error == 0 && (got = read(ends[0], piece.data(), piece.size())) != 0;) {
    if (got < 0 && errno != EINTR) break;
    if (got > 0) result.report.append(piece.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  if (error != 0) return failed("posix_spawn", error);
  int status = 0;
  while (waitpid(process, &status, 0) < 0)
    if (errno != EINTR) return failed("waitpid", errno);
  if (WIFEXITED(status))
    result.exit_code = WEXITSTATUS(status);
  else
    result.report += std::string("the tool was killed by signal ") + std::to_string(WTERMSIG(status)) + "\n";
  return result;
}

}  // namespace check_internal

// Runs `behalf check`. Never throws but for want of memory: what goes wrong is in the result.
inline CheckResult check(const CheckedOperation& operation, const CheckOptions& options = {}) {
  if (!operation.trouble.empty()) return {64, operation.trouble + "\n"};
  std::vector<std::string> words = {"check", operation.library, operation.call};
  for (const auto& [option, values] :
       {std::pair{"--posture", &options.postures}, {"--leg", &options.legs}, {"--setup", &options.setup}})
    for (const std::string& value : *values) words.insert(words.end(), {option, value});
  return check_internal::run(std::move(words));
}

// Why no operation can be checked here (no root, no namespaces, no tool); empty when one can. Asked once a process.
inline const std::string& why_no_check() {
  static const std::string why = [] {
    const CheckResult result = check_internal::run({"self-check"});
    return result.exit_code == 0 ? std::string() : result.report;
  }();
  return why;
}

}  // namespace behalf
