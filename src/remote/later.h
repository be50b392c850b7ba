// Points in time that lie that far ahead.
#pragma once

#include <chrono>

namespace behalf::detail {

// "For ever", the longest time that can be said, is a time too, and never comes: no clock can count so far.
template <class Rep, class Period>
std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point begin,
                                            std::chrono::duration<Rep, Period> time) noexcept {
  constexpr auto never = std::chrono::steady_clock::time_point::max();
  return time < std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(never - begin) ? begin + time : never;
}

}  // namespace behalf::detail
