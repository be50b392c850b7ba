#include <array>
#include <cstddef>

#include "behalf/error.h"
#include "behalf/level.h"
#include "behalf/posture.h"

namespace behalf {

namespace {

constexpr std::array<std::string_view, 4> postures = {"files", "effective", "full", "shielded"};
constexpr std::array<std::string_view, 4> levels = {"anonymous", "identification", "impersonation", "delegation"};
constexpr std::array<std::string_view, 22> reasons = {"not_initialized",
                                                      "already_initialized",
                                                      "unknown_user",
                                                      "incomplete_groups",
                                                      "invalid_id",
                                                      "refused_by_fence",
                                                      "level_too_low",
                                                      "power_needed",
                                                      "main_thread",
                                                      "no_spare_account",
                                                      "inside_impersonation",
                                                      "not_permitted",
                                                      "out_of_resources",
                                                      "platform",
                                                      "cancelled",
                                                      "queue_full",
                                                      "would_wait_for_itself",
                                                      "refused_by_receiver",
                                                      "not_the_owner",
                                                      "not_there",
                                                      "not_usable",
                                                      "busy"};

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view{"?"};
}

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Posture posture) noexcept {
  return name_of(postures, posture);
}
std::optional<Posture> parse_posture(std::string_view name) noexcept {
  return value_of<Posture>(postures, name);
}
std::string_view to_string(Level level) noexcept {
  return name_of(levels, level);
}
std::optional<Level> parse_level(std::string_view name) noexcept {
  return value_of<Level>(levels, name);
}
std::string_view to_string(Error::Reason reason) noexcept {
  return name_of(reasons, reason);
}

}  // namespace behalf
