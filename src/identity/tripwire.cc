#include "identity/tripwire.h"

#include <sys/prctl.h>

namespace behalf::detail {

namespace {

constexpr int unknown = -1;

int present(const SystemCalls& calls) noexcept {
  int signal = unknown;
  // A call that claims success and tells nothing leaves it unknown, which is as good as cut.
  if (calls.prctl(PR_GET_PDEATHSIG, reinterpret_cast<unsigned long>(&signal), 0) < 0) return unknown;
  return signal;
}

}  // namespace

void Tripwire::lay(const SystemCalls& calls) noexcept {
  laid_ = present(calls) == 0 && calls.prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(signal), 0) >= 0;
}

bool Tripwire::intact(const SystemCalls& calls) noexcept {
  laid_ = laid_ && present(calls) == signal;
  return laid_;
}

}  // namespace behalf::detail
