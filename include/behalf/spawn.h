// spawn(): a program as that user, and as nobody else: what a log-in of hers would start.
//
//   behalf::Child child = behalf::spawn(alice, {"sort", "notes.txt"}, {.output = behalf::Stream::pipe()});
//   const std::string sorted = behalf::read_all(child.output());
//   const behalf::ExitStatus end = child.wait();
//
// A child of fork(2) or posix_spawn(3) is a copy of the thread: it keeps the real and saved ids, and with them the way
// back to the service; the environment, directory and umask; the session keyring and whoever's keys are in it; the
// descriptors that were not opened with O_CLOEXEC. Here each is the user's, or is gone, before her program begins.
//
// No shell is run. Who wants one asks for it by its name: {"/bin/sh", "-c", command}.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "behalf/child.h"
#include "behalf/error.h"
#include "behalf/token.h"

namespace behalf {

// What one of the standard descriptors of a child is.
class Stream {
 public:
  enum class Kind { null, pipe, given };

  Stream() noexcept = default;
  // /dev/null.
  [[nodiscard]] static Stream null() noexcept { return {}; }
  // A pipe, whose other end is the Child's input(), output() or error().
  [[nodiscard]] static Stream pipe() noexcept { return {Kind::pipe, -1}; }
  // A copy of that descriptor of the service's, which must stay open until spawn() returns.
  [[nodiscard]] static Stream of(int fd) noexcept { return {Kind::given, fd}; }

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  Stream(Kind kind, int fd) noexcept : kind_(kind), fd_(fd) {}
  Kind kind_ = Kind::null;
  int fd_ = -1;
};

// A descriptor of the service's, and the number by which the child has it.
struct GivenDescriptor {
  int here = -1;
  int there = -1;
};

// As of setrlimit(2).
struct ResourceLimit {
  int resource = 0;
  rlimit limit{};
};

// What the child may become by set-user-ID programs and by file capabilities (capabilities(7), "Capability bounding
// set").
enum class BoundingSet {
  empty,       // nothing: sudo(8), su(1) and ping(8) give it no power
  of_service,  // what the service could, as after a log-in
};

struct SpawnOptions {
  Stream input{};
  Stream output{};
  Stream error{};
  // A terminal of the child's own as all three, in place of the above: the Child's terminal() is its other end.
  bool terminal = false;
  // Besides the three. All others of the service's are closed.
  std::vector<GivenDescriptor> descriptors{};

  // Where it begins; entered as the user. Empty: her home.
  std::filesystem::path directory{};
  // "NAME=value", besides those of environment(), or in place of one of the same name.
  std::vector<std::string> environment{};
  mode_t umask = 0022;
  // Those not named are the service's.
  std::vector<ResourceLimit> limits{};

  BoundingSet bounding_set = BoundingSet::empty;
  // prctl(2), PR_SET_NO_NEW_PRIVS.
  bool no_new_privileges = false;
  // A session and a process group of its own, so that the terminal of the service is not the child's (setsid(2)).
  bool new_session = true;
};

// Why there is no child: what spawn() was doing, besides what every Error says.
class SpawnError : public Error {
 public:
  SpawnError(Reason reason, const std::string& message, int error_number, std::string_view step)
      : Error(reason, message, error_number), step_(step) {}

  // In words; of a program that could not be begun: SpawnError::execution.
  [[nodiscard]] std::string_view step() const noexcept { return step_; }

  static constexpr std::string_view execution = "execute the program";

 private:
  std::string_view step_;  // of the library's own text
};

// Effects: a child process that is the user: real, effective and saved ids, and groups; with no capability, nor, unless
// the options say otherwise, any that it could get; without the service's securebits; with environment() and what is
// added, in her home, with that umask; with a session keyring of its own, in which there is the user keyring and
// nothing else; with no descriptor but 0, 1, 2 and those given, no signal blocked, none ignored, none pending. It has
// read its ids, groups, capabilities and keyring back, has tried to become the service and root again, and was
// refused. Then it executes argv[0], looked for in the PATH of its own environment, as the user, where there is no
// slash in it. The token's posture and capabilities do not matter: it is all of its user and has no capability. What
// stays the service's: namespaces, cgroup, priority and scheduling, limits not named (docs/guide/run-as.md).
//
// Errors: std::invalid_argument (nothing in argv; text with a NUL in it; a variable without its =; a number given
// twice); Error of reason not_initialized, level_too_low, invalid_id (the service's token: its own children are
// posix_spawn(3)'s); unknown_user as of environment(); as of Impersonation; SpawnError for all that fails in making the
// child: reasons not_there (no such program or directory), not_permitted, out_of_resources, platform. There is no
// child then, and nothing of the user's has run.
//
// Thread-safe, and safe among threads of any kind: between clone(2) and execve(2) there are system calls and nothing
// else, no lock and no allocation. The calling thread may wear anybody; it waits until the program has been loaded (so
// that a user who keeps her own files from being read, by FUSE, or stops her process, keeps the thread waiting, as she
// does in open(2)). The child is one of the process's: a wait(2) for any child takes its status away.
//
// Cost: about 170 system calls in the child, most of which reset one signal, or drop one capability or read that it is
// dropped (a service that has emptied its own bounding set saves half of them); about 20 here, one more for each
// capability at a thread's first, and an AsService where somebody is worn. Measured: docs/performance.md.
//
// Rests on: clone(2) CLONE_VM and CLONE_VFORK; execve(2), "Effect on process attributes"; session-keyring(7);
// capabilities(7).
[[nodiscard]] Child spawn(const Token& token, const std::vector<std::string>& argv, const SpawnOptions& options = {});

// The status with which exec() ends a process that has become the user and has no program: those of env(1).
struct ExecStatus {
  static constexpr int failed = 125;
  static constexpr int not_executable = 126;
  static constexpr int not_found = 127;
};

// As spawn(), without a child: the process itself becomes what spawn() would have made, for good, with its own process
// id. For programs that start another and have nothing left to do, like sudo(8) or a wrapper of a service.
//
// Effects: those of spawn() on the process; a process that leads its session and has no terminal keeps that session.
// Other threads go on, as the service, until the program is executed, and end there (execve(2)). Where a step fails
// after the first, the thread is no longer the service's nor yet the user's: it says why in a line on standard error,
// which is the user's by then, and ends the process with an ExecStatus. Nothing runs then: no destructor, no atexit(3).
//
// Errors, all before anything is changed: those of spawn() that are not about making the child or what it does;
// std::invalid_argument (pipes or a terminal, which nobody would hold the other end of); SpawnError of step "begin a
// session" (it is wanted, and the process leads its process group, or has the terminal of the session that it leads).
//
// Thread-safe as spawn() is. Cost: that of spawn() without clone(2) and the end of a process.
[[noreturn]] void exec(const Token& token, const std::vector<std::string>& argv, const SpawnOptions& options = {});

}  // namespace behalf
