// When a time is over that begins now.
#pragma once

#include <algorithm>
#include <chrono>

namespace behalf::detail {

// "For ever" is a time too, and never over.
inline std::chrono::steady_clock::time_point after(std::chrono::milliseconds time) noexcept {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point now = Clock::now();
  const auto longest = std::chrono::floor<std::chrono::milliseconds>(Clock::time_point::max() - now);
  return time < longest ? now + std::max(time, std::chrono::milliseconds{0}) : Clock::time_point::max();
}

}  // namespace behalf::detail
