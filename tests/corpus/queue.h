// A queue as servers have it, for programs that are about what comes before or after it.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace corpus {

template <typename Item>
class Queue {
 public:
  void push(Item item) {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    there_is_one_.notify_one();
  }
  Item pop() {
    std::unique_lock lock(mutex_);
    there_is_one_.wait(lock, [this] { return !items_.empty(); });
    Item item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

 private:
  std::mutex mutex_;
  std::condition_variable there_is_one_;
  std::deque<Item> items_;
};

// A thread of the service's that does with each item what it is told to.
template <typename Item, typename Work>
void serve(Queue<Item>& queue, Work work) {
  std::thread([&queue, work] {
    for (;;) work(queue.pop());
  }).detach();
}

}  // namespace corpus
