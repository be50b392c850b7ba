// What the tracer keeps of a thread while it lives. Internal to trace/.
#pragma once

#include <linux/audit.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trace/credentials.h"
#include "trace/exit_report.h"
#include "trace/tracer.h"

namespace behalf::tool {

#if defined(__x86_64__)
inline constexpr unsigned native_architecture = AUDIT_ARCH_X86_64;
#else
inline constexpr unsigned native_architecture = AUDIT_ARCH_AARCH64;
#endif

struct Tracer::Live {
  explicit Live(pid_t id) : tid(id), process(id), handle(std::in_place, id) {}

  pid_t tid;
  pid_t process;
  int number = 0;
  std::optional<ThreadHandle> handle;
  CredentialsTable::Id as = 0;
  bool fresh = false;      // `as` is what the thread wears; false after each identity call
  bool stopped = false;    // by us, for good
  bool listening = false;  // in a group-stop
  bool in_setxid = false;  // glibc's handler for process-wide changes is about to run
  bool has_ring = false;
  int last_fatal = 0;
  const SystemCall* call = nullptr;  // whose exit is awaited
  Arguments arguments{};
  std::optional<std::size_t> effect;               // the effect that the call is
  bool asked = false;                              // the kernel is to tell the effect's result
  bool owes_stop = false;                          // and has sent a SIGSTOP with it, which is ours
  bool names_relative = false;                     // it has opened by a relative path
  std::uint64_t at_instruction = 0, at_stack = 0;  // where the thread stood at its last call
  std::optional<ExitReporter::Watch> report;
  std::vector<FutexWord> waits_on;
  std::string gives_to;  // the channel of a call that gives, and its sequence number
  std::uint64_t gives = 0;
  std::string waits_at;                               // an epoll's channel
  std::uint64_t waits_since = 0;                      // sequence number
  std::optional<std::size_t> wake;                    // the wake that the call is
  std::vector<std::pair<pid_t, std::string>> beside;  // what other threads had of what the call may change for them

  bool wants_exit() const { return call != nullptr; }
};

// True when `tid` is a thread of the process.
bool in_process(pid_t tid, pid_t process);

// A path as the thread means it, from the root.
std::string absolute(pid_t tid, int directory, std::string path);

// Calls whose result is a descriptor, and whose outcome depends on who opens.
bool opens(const SystemCall& call);

// True for a call that changes nothing where it is done.
bool only_reads(const SystemCall& call, const std::array<std::uint64_t, 6>& arguments);

// What the call changes for all threads of its process: "the umask"; empty for all other calls.
std::string_view shared_by(const SystemCall& call);

// The numbers of all tasks of a process, the kernel's own for io_uring among them.
std::vector<pid_t> tasks_of(pid_t process);

}  // namespace behalf::tool
