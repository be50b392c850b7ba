// The seam to the kernel's side of a ring: what can fail for lack of something, one entry each. A test puts another
// table in, to make a call fail.
#pragma once

#include <liburing.h>

namespace behalf::uring::detail {

// Every entry returns 0 or more, or an errno negated.
struct KernelCalls {
  int (*set_up)(unsigned entries, io_uring* ring, io_uring_params* params) noexcept;
  // Hands over what is prepared; how many the kernel took.
  int (*submit)(io_uring* ring) noexcept;
  // Waits for a completion.
  int (*wait)(io_uring* ring, __kernel_timespec* limit) noexcept;
  int (*register_personality)(io_uring* ring) noexcept;
  int (*unregister_personality)(io_uring* ring, int personality) noexcept;
};

extern const KernelCalls real_kernel_calls;

// The table that rings made from now on use. For tests.
const KernelCalls& kernel_calls() noexcept;
void replace_kernel_calls(const KernelCalls* table) noexcept;

}  // namespace behalf::uring::detail
