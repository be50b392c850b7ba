// Points in time that lie that far ahead.
#pragma once

#include <algorithm>
#include <chrono>

namespace behalf::detail {

// "For ever", the longest time that can be said, is a time too, and never comes: no clock can count so far. A time
// before now is now.
template <class Rep, class Period>
std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point begin,
                                            std::chrono::duration<Rep, Period> time) noexcept {
  using Time = std::chrono::duration<Rep, Period>;
  constexpr auto never = std::chrono::steady_clock::time_point::max();
  return time < std::chrono::duration_cast<Time>(never - begin) ? begin + std::max(time, Time::zero()) : never;
}

template <class Rep, class Period>
std::chrono::steady_clock::time_point from_now(std::chrono::duration<Rep, Period> time) noexcept {
  return later(std::chrono::steady_clock::now(), time);
}

}  // namespace behalf::detail
