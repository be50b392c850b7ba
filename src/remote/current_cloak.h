// A proxy's cloak, which may be set anew while others call.
#pragma once

#include <mutex>
#include <utility>

#include "behalf/blanket.h"

namespace behalf::detail {

class CurrentCloak {
 public:
  CurrentCloak(const Blanket& blanket, Authentication offered, Level least)
      : offered_(offered), least_(least), cloak_(blanket, offered, least) {}

  [[nodiscard]] Cloak get() const {
    const std::lock_guard lock(mutex_);
    return cloak_;
  }
  // Errors: those of Cloak; what is there stays then.
  void set(const Blanket& blanket) {
    Cloak cloak(blanket, offered_, least_);
    const std::lock_guard lock(mutex_);
    cloak_ = std::move(cloak);
  }

 private:
  const Authentication offered_;
  const Level least_;
  mutable std::mutex mutex_;
  Cloak cloak_;
};

}  // namespace behalf::detail
