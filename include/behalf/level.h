// Level: what the holder of a token may do with it.
//
//   behalf::Token seen = alice.with_level(behalf::Level::identification);
//   behalf::Impersonation as{seen};  // throws Error: a token that only identifies is not worn
//
#pragma once

#include <optional>
#include <string_view>

namespace behalf {

enum class Level {
  anonymous,       // nothing is known of the user
  identification,  // look, and check what the user could do; never act
  impersonation,   // act as the user on this machine
  delegation,      // act, and present the user to another machine
};

// Effects and errors: none. Thread-safe. Cost: no system call.
[[nodiscard]] std::string_view to_string(Level level) noexcept;

// The level of that name, or nothing if there is none. Thread-safe. Cost: no system call.
[[nodiscard]] std::optional<Level> parse_level(std::string_view name) noexcept;

}  // namespace behalf
