#include "state/forks.h"

#include <pthread.h>

#include <atomic>

namespace behalf::detail {

namespace {
std::atomic<unsigned> counted{0};
}

unsigned forks() noexcept {
  static const int once = ::pthread_atfork(nullptr, nullptr, [] { counted.fetch_add(1, std::memory_order_relaxed); });
  (void)once;
  return counted.load(std::memory_order_relaxed);
}

}  // namespace behalf::detail
