// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// A dispatcher passes on what it is given: identity was last right where the first of the two was told.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

namespace {

class Queue {
 public:
  void push(corpus::Task* task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(task);
    there_is_work_.notify_one();  // <- here
  }
  corpus::Task* pop() {
    std::unique_lock lock(mutex_);
    there_is_work_.wait(lock, [this] { return !tasks_.empty(); });
    corpus::Task* const task = tasks_.front();
    tasks_.pop_front();
    return task;
  }

 private:
  std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::deque<corpus::Task*> tasks_;
};

Queue* incoming;
Queue* dispatched;

}  // namespace

extern "C" void before() {
  incoming = new Queue;
  dispatched = new Queue;
  std::thread([] {
    for (;;) dispatched->push(incoming->pop());
  }).detach();
  std::thread([] {
    for (;;) dispatched->pop()->run();
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  incoming->push(&task);
  return task.print_answer();
}
