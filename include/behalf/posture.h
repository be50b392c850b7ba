// Posture: which of a thread's ids an impersonation changes.
//
//   behalf::Token blunt = alice.with_posture(behalf::Posture::shielded);
//   std::puts(std::string{behalf::to_string(blunt.posture())}.c_str());  // "shielded"
//
// With s the service, u the user and x a spare account that owns nothing, the real/effective/saved user ids are
//
//   files      s/s/s and fsuid u   only file access is the user's: exec, kill, sockets and IPC are the service's
//   effective  s/u/s               access(2), system(3) and whatever else asks the real id is the service's
//   full       u/u/s               the default
//   shielded   x/u/s               what asks the real id gets the spare account: wrong, but harmless
//
// and the group ids alike. `files` and `effective` need a power from powers.h: servers in use today work in them, and
// they lose the identity in many places where `full` does not.
#pragma once

#include <optional>
#include <string_view>

namespace behalf {

enum class Posture { files, effective, full, shielded };

// Effects and errors: none. Thread-safe. Cost: no system call.
[[nodiscard]] std::string_view to_string(Posture posture) noexcept;

// The posture of that name, or nothing if there is none. Thread-safe. Cost: no system call.
[[nodiscard]] std::optional<Posture> parse_posture(std::string_view name) noexcept;

}  // namespace behalf
