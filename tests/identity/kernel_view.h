// What the kernel says of the calling thread, read from /proc and by none of the library's own code.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "behalf/ids.h"

namespace behalf::testing {

struct KernelView {
  Ids uid;
  Ids gid;
  std::vector<gid_t> groups;
  std::uint64_t inheritable = 0;
  std::uint64_t permitted = 0;
  std::uint64_t effective = 0;
  std::uint64_t ambient = 0;
  std::uint64_t blocked_signals = 0;

  friend bool operator==(const KernelView&, const KernelView&) = default;
};

KernelView kernel_view();

std::string in_words(const KernelView& view);

// Throws words that tell the difference.
void must_be(const KernelView& is, const KernelView& wanted, const std::string& when);

}  // namespace behalf::testing
