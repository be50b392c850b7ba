// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// A worker behind a latch for each request to come.
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "task.h"

namespace {

struct Slot {
  std::latch latch{1};
  corpus::Task* task = nullptr;
};

std::mutex mutex;
std::vector<Slot*> slots;

}  // namespace

extern "C" void before() {
  for (int i = 0; i < 32; ++i) {
    slots.push_back(new Slot);
    std::thread([slot = slots.back()] {
      slot->latch.wait();
      slot->task->run();
    }).detach();
  }
}

extern "C" int operation() {
  corpus::Task task;
  std::unique_lock lock(mutex);
  Slot* const slot = slots.back();
  slots.pop_back();
  lock.unlock();
  slot->task = &task;
  slot->latch.count_down();  // <- here
  return task.print_answer();
}
