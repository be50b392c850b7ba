// The system calls that matter to identity, as one table: what each is to us, which ids the kernel judges it by, and
// where its object stands in its arguments. The filter, the tracer and the docs are made from it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace behalf::tool {

// What the tracer does with a call.
enum class Role : std::uint8_t {
  identity,  // changes who the thread is
  effect,    // its outcome depends on who the thread is
  shared,    // changes what all threads of the process share
  birth,     // creates a thread or process
  causal,    // may hand work to another thread: traced only when hand-offs are asked for
  timer,     // arms something that fires later of its own accord
  ring,      // io_uring: work that leaves no other trace
  output,    // writes to standard output: part of the outcome
  affinity,  // answered by the tracer, so that pinning does not show
  mark,      // prctl: the service's signals to the tracer, and identity changes
};

// Which of the thread's ids the kernel judges the call by.
enum class Decides : std::uint8_t {
  none,
  fs,         // fsuid, fsgid, groups (path_resolution(7))
  effective,  // euid, egid, groups (credentials(7); unix(7) on SO_PEERCRED)
  real,       // ruid, rgid (access(2), keyrings(7))
  program,    // what a new program is left with (execve(2))
  sender,     // the effective or the real uid (kill(2))
  power,      // no id: a capability, or a count of the user's
};

// What the object of an effect is, and where.
enum class Object : std::uint8_t { none, path, path_at, socket_address, process, descriptor, number };

struct SystemCall {
  int number;
  std::string_view name;
  Role role;
  Decides decides = Decides::none;
  Object object = Object::none;
  std::int8_t at = -1;         // argument that names the object
  std::int8_t directory = -1;  // argument that holds the directory descriptor of a path_at
};

std::span<const SystemCall> system_calls();

// Nothing when the call is not in the table.
const SystemCall* find_system_call(int number);

// The name of any call of the table, or "syscall N".
std::string_view to_string(Decides decides);

// prctl options: ours (a mark), and the kernel's that change what a thread may do.
inline constexpr unsigned long mark_option = 0x42484c46;  // "BHLF"

}  // namespace behalf::tool
