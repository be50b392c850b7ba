// The user stack of a stopped thread, as raw places; names are found later, and only for what is reported.
#pragma once

#include <sys/types.h>

#include <memory>

#include "trace/event.h"

namespace behalf::tool {

class Unwinder {
 public:
  Unwinder();
  ~Unwinder();
  Unwinder(const Unwinder&) = delete;
  Unwinder& operator=(const Unwinder&) = delete;

  // The frames of a thread that is stopped under ptrace by the calling thread, innermost first; empty when it cannot.
  Stack unwind(pid_t process, pid_t tid);

  // The frames of a thread that stands in clone(2), which is making another.
  Stack unwind_maker(pid_t process, pid_t tid);

  // The process has a new program or is gone: forget what was known of its modules.
  void forget(pid_t process);

 private:
  struct Process;
  std::unique_ptr<Process> process_;
};

}  // namespace behalf::tool
