// The queued tasks of a pool: one queue for each identity, and all of them by age.
#pragma once

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
  explicit PoolQueues(std::size_t overtaken_at_most) : bound_(overtaken_at_most) {}

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

  const std::size_t bound_;
  Map queues_;            // none is empty
  Map::node_type spare_;  // of the last queue that became empty
  PoolTask* oldest_ = nullptr;
  PoolTask* youngest_ = nullptr;
  std::uint64_t pushed_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t most_overtaken_ = 0;
};

}  // namespace behalf::detail
