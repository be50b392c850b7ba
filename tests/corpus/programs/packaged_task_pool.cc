// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note folder
// A pool whose submit returns a future.
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "task.h"

namespace {

class Pool {
 public:
  Pool() {
    for (int i = 0; i < 2; ++i) std::thread(&Pool::serve, this).detach();
  }
  std::future<void> submit(std::packaged_task<void()> work) {
    std::future<void> done = work.get_future();
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(work));
    }
    there_is_work_.notify_one();  // <- here
    return done;
  }

 private:
  void serve() {
    for (;;) {
      std::unique_lock lock(mutex_);
      there_is_work_.wait(lock, [this] { return !queue_.empty(); });
      std::packaged_task<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
    }
  }
  std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::deque<std::packaged_task<void()>> queue_;
};

Pool* pool;

}  // namespace

extern "C" void before() {
  pool = new Pool;
}

extern "C" int operation() {
  corpus::Task task;
  pool->submit(std::packaged_task<void()>([&task] { task.run(); })).wait();
  return task.print_answer();
}
