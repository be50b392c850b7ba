// none: works
// dropped: lost queue
// acts: note
// line: none
// Nobody wakes it: the kernel sees no hand-off, and blame has to say so.
#include <atomic>
#include <chrono>
#include <thread>

#include "task.h"

static std::atomic<corpus::Task*> next;

extern "C" void before() {
  std::thread([] {
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      if (corpus::Task* const task = next.exchange(nullptr)) task->run();
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  for (corpus::Task* none = nullptr; !next.compare_exchange_weak(none, &task); none = nullptr)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return task.print_answer();
}
