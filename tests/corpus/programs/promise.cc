// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// A worker for each promise, made as the service before it is kept.
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "task.h"

static std::mutex mutex;
static std::vector<std::promise<corpus::Task*>> promised;

extern "C" void before() {
  for (int i = 0; i < 64; ++i) {
    promised.emplace_back();
    std::thread([task = promised.back().get_future()]() mutable { task.get()->run(); }).detach();
  }
}

extern "C" int operation() {
  corpus::Task task;
  std::unique_lock lock(mutex);
  std::promise<corpus::Task*> mine = std::move(promised.back());
  promised.pop_back();
  lock.unlock();
  mine.set_value(&task);  // <- here
  return task.print_answer();
}
