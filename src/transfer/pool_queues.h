// The queued tasks of a pool: one queue for each identity, and all of them by age.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <unordered_map>

#include "behalf/thread_pool.h"
#include "identity/token_data.h"

namespace behalf::detail {

struct PoolQueue {
  PoolTask* first = nullptr;
  PoolTask* last = nullptr;
};

// What a worker may still take of the identity it wears before it looks at the others.
struct Turn {
  TokenPtr token;
  std::size_t left = 0;
};

class PoolQueues {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The bound is `overtaken_at_most`, or as many as were taken in the last `overtaken_for` where that is more; 0 is 0.
  explicit PoolQueues(std::size_t overtaken_at_most, std::chrono::nanoseconds overtaken_for = {},
                      Time (*now)() = std::chrono::steady_clock::now)
      : at_most_(overtaken_at_most),
        for_(overtaken_at_most != 0 ? overtaken_for : std::chrono::nanoseconds{}),
        now_(now),
        bound_(overtaken_at_most),
        measured_over_(std::min<std::chrono::nanoseconds>(for_, std::chrono::milliseconds{10})),
        window_(measured_over_ / first_part) {}

  // May throw std::bad_alloc; the task is then not queued.
  void push(PoolTask& task);

  // The task a worker is to take, null where there is none: of the identity whose turn it has, as long as the oldest
  // of all has not been overtaken by `bound` younger ones; otherwise the oldest of all, whose identity has its turn
  // then. A turn is as long as the bound allows if all identities that wait have one.
  //
  // A task is overtaken by those that are started before it and are younger. When it is the oldest that waits, all
  // older ones have been started, so that their number is the difference of two counters. A task that is not the
  // oldest has not been overtaken more often than the oldest.
  PoolTask* take(Turn& turn);

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(pushed_ - taken_); }
  [[nodiscard]] std::size_t identities() const noexcept { return queues_.size(); }
  [[nodiscard]] std::uint64_t pushed() const noexcept { return pushed_; }
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
  [[nodiscard]] std::uint64_t most_overtaken() const noexcept { return most_overtaken_; }

 private:
  struct Hash {
    std::size_t operator()(const TokenPtr& token) const noexcept { return token != nullptr ? token->hash : 0; }
  };
  struct Same {
    bool operator()(const TokenPtr& a, const TokenPtr& b) const noexcept { return same(a, b); }
  };
  using Map = std::unordered_map<TokenPtr, PoolQueue, Hash, Same>;

  PoolQueue& queue_of(const TokenPtr& token);
  PoolTask* remove(PoolTask& task);
  void measure() noexcept;

  static constexpr std::uint64_t measured_every = 64;  // takings: reading the clock takes as long as a take
  static constexpr int first_part = 16;                // of the time that it is measured over, after a pause

  const std::size_t at_most_;
  const std::chrono::nanoseconds for_;
  Time (*const now_)();
  std::size_t bound_;
  const std::chrono::nanoseconds measured_over_;
  std::chrono::nanoseconds window_;  // over which it is measured next
  Time measured_since_{};            // and what had been taken then
  std::uint64_t taken_then_ = 0;
  Map queues_;            // none is empty
  Map::node_type spare_;  // of the last queue that became empty
  PoolTask* oldest_ = nullptr;
  PoolTask* youngest_ = nullptr;
  std::uint64_t pushed_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t most_overtaken_ = 0;
};

}  // namespace behalf::detail
