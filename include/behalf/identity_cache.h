// What per_identity<T> is made of, whatever T is; and its options.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "behalf/carried.h"

namespace behalf {

struct PerIdentityOptions {
  static constexpr std::chrono::nanoseconds for_ever = std::chrono::nanoseconds::max();

  // How many objects are kept. For one more, one that was not asked for for long is dropped: the oldest, of its part of
  // the cache, of those that nobody has asked for since that was last looked at.
  std::size_t at_most = 4096;
  // For how long one is given out after it was made, and after it was last asked for.
  std::chrono::nanoseconds lives = for_ever;
  std::chrono::nanoseconds lives_unused = for_ever;
  // How long after it was made or probed one is probed again, before it is given out. One that is found unfit, or whose
  // probe throws, is dropped and made anew.
  std::chrono::nanoseconds probed_after{0};
};

struct PerIdentityCounts {
  std::uint64_t hits = 0;  // asked for and there
  std::uint64_t made = 0;
  std::uint64_t failed = 0;   // could not be made
  std::uint64_t evicted = 0;  // dropped for want of room
  std::uint64_t expired = 0;  // dropped since their time was over
  std::uint64_t unfit = 0;    // dropped by their probe
  std::size_t kept = 0;       // now
};

namespace detail {

struct TokenData;
class CountOfThreads;

class IdentityCache {
 public:
  // Makes the object, as the identity that is worn by then; it is destroyed as the identity by itself.
  using Make = std::function<std::shared_ptr<void>(const Carried&)>;
  using Probe = std::function<bool(void*)>;

  IdentityCache(const PerIdentityOptions& options, Make make, Probe probe);
  ~IdentityCache();
  IdentityCache(const IdentityCache&) = delete;
  IdentityCache& operator=(const IdentityCache&) = delete;

  // What is there for that identity, or for the one that the calling thread wears, and need not be made or probed; null
  // otherwise, and where the thread does not know by itself whom it wears. The hash is the token's, which need not be
  // looked into then; by another one nothing is found that is another's.
  std::shared_ptr<void> find(const std::shared_ptr<const TokenData>& who, std::size_t hash) const;
  std::shared_ptr<void> find() const;

  std::shared_ptr<void> get(const Carried& who);
  std::shared_ptr<void> refresh(const Carried& who);
  bool drop(const Carried& who) noexcept;
  void clear() noexcept;
  void drop_expired() noexcept;
  PerIdentityCounts counts() const;

 private:
  using Moment = std::chrono::steady_clock::time_point;
  class Part;

  Part& part_of(std::size_t hash) const noexcept;
  std::shared_ptr<void> find_known(const TokenData* who, std::size_t hash) const noexcept;
  Moment now() const noexcept;
  bool has_expired(Moment now, Moment made, Moment used) const noexcept;
  bool wants_probe(Moment now, Moment probed) const noexcept;

  const PerIdentityOptions options_;
  const Make make_;
  const Probe probe_;
  const bool needs_time_;
  const std::uint64_t id_;  // of no other cache, not a later one either
  const std::size_t parts_count_;
  const std::unique_ptr<Part[]> parts_;
  const std::unique_ptr<CountOfThreads> known_hits_;
};

}  // namespace detail

}  // namespace behalf
