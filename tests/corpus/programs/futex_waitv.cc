// none: works
// dropped: lost queue
// acts: note create
// futex_waitv(2): one thread waits at several words at once.
#include <linux/futex.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::atomic<std::uint32_t> posted[2];
static std::mutex mutex;
static std::deque<corpus::Task*> queue;

static void wait_for_either() {
  futex_waitv waiters[2] = {};
  for (int i = 0; i < 2; ++i) {
    waiters[i].uaddr = reinterpret_cast<std::uint64_t>(&posted[i]);
    waiters[i].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
  }
  syscall(449 /* SYS_futex_waitv */, waiters, 2, 0, nullptr, CLOCK_MONOTONIC);
}

extern "C" void before() {
  std::thread([] {
    for (;;) {
      while (posted[1] == 0) wait_for_either();
      --posted[1];
      std::unique_lock lock(mutex);
      corpus::Task* const task = queue.front();
      queue.pop_front();
      lock.unlock();
      task->run();
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  ++posted[1];
  syscall(SYS_futex, &posted[1], FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);  // <- here
  return task.print_answer();
}
