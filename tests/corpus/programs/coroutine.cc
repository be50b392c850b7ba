// none: works
// dropped: lost coroutine
// stale: leaked coroutine
// acts: note create folder
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

namespace {

std::mutex mutex;
std::condition_variable there_is_work;
std::deque<std::coroutine_handle<>> queue;

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };
};

struct ToWorker {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> suspended) {
    const std::lock_guard lock(mutex);
    queue.push_back(suspended);
    there_is_work.notify_one();  // <- here
  }
  void await_resume() {}
};

Detached later(corpus::Task& task) {
  co_await ToWorker();
  task.run();
}

}  // namespace

extern "C" void before() {
  std::thread([] {
    for (;;) {
      std::unique_lock lock(mutex);
      there_is_work.wait(lock, [] { return !queue.empty(); });
      const auto suspended = queue.front();
      queue.pop_front();
      lock.unlock();
      suspended.resume();
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  later(task);
  return task.print_answer();
}
