#include "uring/kernel_calls.h"

#include <atomic>

namespace behalf::uring::detail {

const KernelCalls real_kernel_calls = {
    .set_up = [](unsigned entries, io_uring* ring,
                 io_uring_params* params) noexcept { return io_uring_queue_init_params(entries, ring, params); },
    .submit = [](io_uring* ring) noexcept { return io_uring_submit(ring); },
    .wait =
        [](io_uring* ring, __kernel_timespec* limit) noexcept {
          io_uring_cqe* first = nullptr;
          return limit != nullptr ? io_uring_wait_cqe_timeout(ring, &first, limit) : io_uring_wait_cqe(ring, &first);
        },
    .register_personality = [](io_uring* ring) noexcept { return io_uring_register_personality(ring); },
    .unregister_personality = [](io_uring* ring, int id) noexcept { return io_uring_unregister_personality(ring, id); },
};

namespace {
std::atomic<const KernelCalls*> in_use{&real_kernel_calls};
}

const KernelCalls& kernel_calls() noexcept {
  return *in_use.load(std::memory_order_acquire);
}

void replace_kernel_calls(const KernelCalls* table) noexcept {
  in_use.store(table != nullptr ? table : &real_kernel_calls, std::memory_order_release);
}

}  // namespace behalf::uring::detail
