// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
#include <barrier>
#include <mutex>
#include <thread>

#include "task.h"

static std::barrier<>* together;
static std::mutex one_at_a_time;
static corpus::Task* next;

extern "C" void before() {
  together = new std::barrier<>(2);
  std::thread([] {
    for (;;) {
      together->arrive_and_wait();
      next->run();
    }
  }).detach();
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  corpus::Task task;
  next = &task;
  together->arrive_and_wait();  // <- here
  return task.print_answer();
}
