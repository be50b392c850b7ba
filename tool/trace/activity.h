// Whether a thread is blocked, and whether it will go on of its own accord.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace behalf::tool {

enum class Activity : std::uint8_t {
  running,    // on a CPU, ready for one, or in a short wait for a device
  waiting,    // blocked until somebody else does something
  lingering,  // blocked, with an end of its own accord: a sleep, a wait with a time-out
  gone,
};

struct Seen {
  Activity activity = Activity::gone;
  std::uint64_t runs = 0;  // how often it was put on a CPU: equal counts mean that it did not run in between
};

Seen look_at(pid_t tid);

// How often the thread was put on a CPU.
std::uint64_t run_count(pid_t tid);

// How long the thread was on a CPU, and ready to run without one, since it began. 0 where the kernel does not say.
std::chrono::nanoseconds time_on_cpu(pid_t tid);
std::chrono::nanoseconds time_without_cpu(pid_t tid);

// The letter of proc(5)'s state field; 0 when the thread is gone.
char state_of(pid_t tid);

}  // namespace behalf::tool
