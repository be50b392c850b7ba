// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "task.h"

static std::atomic<corpus::Task*> next;
static int told;

static void serve() {
  for (;;) {
    std::uint64_t count = 0;
    if (read(told, &count, sizeof count) != sizeof count) continue;
    if (corpus::Task* const task = next.exchange(nullptr)) task->run();
  }
}

extern "C" void before() {
  told = eventfd(0, EFD_CLOEXEC);
  std::thread(serve).detach();
}

extern "C" int operation() {
  corpus::Task task;
  for (corpus::Task* none = nullptr; !next.compare_exchange_weak(none, &task); none = nullptr)
    std::this_thread::yield();
  const std::uint64_t one = 1;
  corpus::must(write(told, &one, sizeof one));  // <- here
  return task.print_answer();
}
