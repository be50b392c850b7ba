#include "transfer/pool_queues.h"

#include <algorithm>

namespace behalf::detail {

PoolQueue& PoolQueues::queue_of(const TokenPtr& token) {
  if (youngest_ != nullptr && same(youngest_->who.data(), token)) return *youngest_->queue;
  if (spare_.empty()) return queues_[token];
  const auto found = queues_.find(token);
  if (found != queues_.end()) return found->second;
  spare_.key() = token;
  spare_.mapped() = {};
  return queues_.insert(std::move(spare_)).position->second;
}

void PoolQueues::push(PoolTask& task) {
  PoolQueue& queue = queue_of(task.who.data());
  task.number = pushed_++;
  task.queue = &queue;
  (queue.last != nullptr ? queue.last->next_of_queue : queue.first) = &task;
  queue.last = &task;
  task.older = youngest_;
  (youngest_ != nullptr ? youngest_->younger : oldest_) = &task;
  youngest_ = &task;
}

// What the pool starts in the time that a task may be overtaken for, as it was in the last such time, or the last 10
// ms. Work that became slower, or a pause, makes it less at once; what comes after a pause is reckoned from the first
// part of that time.
void PoolQueues::measure() noexcept {
  const Time now = now_();
  const std::chrono::duration<double> passed = now - measured_since_;
  if (passed < window_) return;
  const double share = std::chrono::duration<double>(for_) / passed;
  bound_ = std::max(at_most_, static_cast<std::size_t>(static_cast<double>(taken_ - taken_then_) * share));
  window_ = passed < 2 * measured_over_ ? measured_over_ : measured_over_ / first_part;
  measured_since_ = now;
  taken_then_ = taken_;
}

PoolTask* PoolQueues::take(Turn& turn) {
  if (oldest_ == nullptr) return nullptr;
  if (for_.count() > 0 && taken_ % measured_every == 0) measure();
  if (turn.left > 0 && taken_ - oldest_->number < bound_) {
    PoolTask* next = same(oldest_->who.data(), turn.token) ? oldest_ : nullptr;
    if (next == nullptr) {
      const auto own = queues_.find(turn.token);
      if (own != queues_.end()) next = own->second.first;
    }
    if (next != nullptr) {
      --turn.left;
      return remove(*next);
    }
  }
  turn.token = oldest_->who.data();
  turn.left = bound_ / queues_.size();
  return remove(*oldest_);
}

PoolTask* PoolQueues::remove(PoolTask& task) {
  if (&task == oldest_) most_overtaken_ = std::max(most_overtaken_, taken_ - task.number);
  ++taken_;
  (task.older != nullptr ? task.older->younger : oldest_) = task.younger;
  (task.younger != nullptr ? task.younger->older : youngest_) = task.older;
  PoolQueue& queue = *task.queue;
  queue.first = task.next_of_queue;
  if (queue.first == nullptr) {
    spare_ = queues_.extract(queues_.find(task.who.data()));
    spare_.key().reset();  // a token is not kept alive by a queue that is not there
  }
  return &task;
}

}  // namespace behalf::detail
