// The pieces of memory that a ring's kernel side knows.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <vector>

#include "behalf/carried.h"
#include "behalf/uring_request.h"
#include "identity/token_data.h"

namespace behalf::uring::detail {

class FixedBuffers {
 public:
  // Throws std::bad_alloc.
  FixedBuffers(unsigned count, std::size_t size);

  [[nodiscard]] std::span<const iovec> all() const noexcept { return all_; }
  // Throws Error of reason queue_full. Thread-safe.
  [[nodiscard]] FixedBuffer lend(const Carried& who);

 private:
  struct Shelf;  // outlives the ring where a piece does

  std::shared_ptr<Shelf> shelf_;
  std::vector<iovec> all_;
};

}  // namespace behalf::uring::detail
