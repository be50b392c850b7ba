// What the calling thread has got from identity caches lately: so that what it asks for again takes no lock. A thread
// knows of an object by whom it belongs to, and only as long as its cache gives it out: nothing that is dropped lives
// on for its sake.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "identity/token_data.h"

namespace behalf::detail {

// An object as threads know it. The cache ends it when the object is not to be given out any more.
struct KnownObject {
  using Moment = std::chrono::steady_clock::time_point;

  KnownObject(const std::shared_ptr<void>& of, Moment was_made, Moment was_probed, Moment was_used) noexcept
      : object(of), made(was_made), probed(was_probed), used(was_used.time_since_epoch().count()) {}

  const std::weak_ptr<void> object;
  const Moment made;
  const Moment probed;
  std::atomic<Moment::rep> used;
  std::atomic<bool> given_out{true};
  std::atomic<bool> asked_for{false};  // since the cache last looked
};

// Of that cache and identity, whose hash_of() is given; null where the thread knows none.
KnownObject* known_to_this_thread(std::uint64_t cache, const TokenData* who, std::size_t hash) noexcept;

// Whether the thread is to know it from now on: the second time that it asks for it, so that one of very many
// identities, each asked for once, does not push out another. May be refused for want of memory.
bool wants_to_know(std::uint64_t cache, const TokenData* who, std::size_t hash) noexcept;
void know(std::uint64_t cache, const TokenPtr& who, std::shared_ptr<KnownObject> object) noexcept;

// Counts by threads, each in a place of its own as long as there are no more than so many.
class CountOfThreads {
 public:
  void add() noexcept;
  [[nodiscard]] std::uint64_t sum() const noexcept;

 private:
  static constexpr std::size_t own_places = 64;
  struct alignas(64) Place {
    std::atomic<std::uint64_t> count{0};
  };
  Place places_[own_places + 1];

  friend struct PlaceOfThread;
};

}  // namespace behalf::detail
