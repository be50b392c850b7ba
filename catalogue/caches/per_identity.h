// One of a kind for each identity, made by the thread that first asks for it, as whoever it then is: what a pool of
// connections is to hand out. Only one thread at a time has any.
#pragma once

#include <map>
#include <mutex>
#include <utility>

#include "caches/identity_key.h"

namespace behalf_row {

template <class Kept>
class PerIdentity {
 public:
  // Calls `use` with the caller's own, and `make` before where there is none yet.
  template <class Make, class Use>
  auto with(Make make, Use use) {
    const std::lock_guard lock(in_use_);
    const IdentityKey key = identity_of_thread();
    auto found = kept_.find(key);
    if (found == kept_.end()) found = kept_.emplace(key, make()).first;
    return use(found->second);
  }

 private:
  std::mutex in_use_;
  std::map<IdentityKey, Kept> kept_;
};

}  // namespace behalf_row
