// An identity that the kernel refuses to give, as long as the curse is on: on all threads, unlike faulty_calls.h.
#pragma once

#include <atomic>
#include <cerrno>

#include "behalf/token.h"
#include "identity/system_calls.h"

namespace behalf::testing {

inline constexpr uid_t cursed_id = 3066;
inline std::atomic<bool> curse_is_on{false};
inline std::atomic<long> curses_met{0};

inline Token cursed() {
  return Token::from_ids(cursed_id, cursed_id, {cursed_id}, "cursed");
}

// Puts the table in for good; the switch is curse_is_on.
inline void put_curse() {
  static detail::SystemCalls table = detail::kernel_calls;
  table.setresuid = [](uid_t real, uid_t effective, uid_t saved) noexcept {
    if (effective == cursed_id && curse_is_on.load()) {
      ++curses_met;
      return static_cast<long>(-EAGAIN);
    }
    return detail::kernel_calls.setresuid(real, effective, saved);
  };
  detail::replace_system_calls(&table);
  curse_is_on = true;
}

}  // namespace behalf::testing
