// Ids: the four user (or group) ids of a thread, as the kernel keeps them (credentials(7)).
//
//   const behalf::Ids uids = behalf::Token::of_thread().uids();
//   assert(uids.fs == uids.effective);
//
#pragma once

#include <cstdint>

namespace behalf {

struct Ids {
  std::uint32_t real = 0;
  std::uint32_t effective = 0;
  std::uint32_t saved = 0;
  std::uint32_t fs = 0;

  friend bool operator==(const Ids&, const Ids&) = default;
};

// A set of capabilities: bit n stands for capability number n of <linux/capability.h>.
using Capabilities = std::uint64_t;

}  // namespace behalf
