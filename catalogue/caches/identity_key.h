// What a cache is keyed by that several users share: all of the identity, since any part of it can decide an answer.
#pragma once

#include <unistd.h>

#include <vector>

namespace behalf_row {

using IdentityKey = std::vector<unsigned>;

inline IdentityKey identity_of_thread() {
  IdentityKey key(static_cast<std::size_t>(getgroups(0, nullptr)));
  getgroups(static_cast<int>(key.size()), key.data());
  key.push_back(getegid());
  key.push_back(geteuid());
  return key;
}

}  // namespace behalf_row
