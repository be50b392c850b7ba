// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create folder
#include <atomic>
#include <thread>

#include "task.h"

static std::atomic<corpus::Task*> next;

static void serve() {
  for (;;) {
    next.wait(nullptr);
    corpus::Task* const task = next.exchange(nullptr);
    next.notify_all();
    if (task != nullptr) task->run();
  }
}

extern "C" void before() {
  std::thread(serve).detach();
}

extern "C" int operation() {
  corpus::Task task;
  for (corpus::Task* none = nullptr; !next.compare_exchange_weak(none, &task); none = nullptr) next.wait(none);
  next.notify_all();  // <- here
  return task.print_answer();
}
