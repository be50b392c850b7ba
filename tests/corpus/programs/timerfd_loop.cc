// none: works
// dropped: lost timer
// stale: leaked timer
// acts: note create
// The caller arms it, the loop's thread runs what is due.
#include <sys/timerfd.h>

#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static int timer;
static std::mutex mutex;
static std::deque<corpus::Task*> due;

extern "C" void before() {
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  std::thread([] {
    for (std::uint64_t times = 0; read(timer, &times, sizeof times) == sizeof times;) {
      std::unique_lock lock(mutex);
      std::deque<corpus::Task*> now;
      now.swap(due);
      lock.unlock();
      for (corpus::Task* task : now) task->run();
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  const std::unique_lock lock(mutex);
  due.push_back(&task);
  itimerspec soon{};
  soon.it_value.tv_nsec = 2'000'000;
  corpus::must(timerfd_settime(timer, 0, &soon, nullptr));  // <- here
  const_cast<std::unique_lock<std::mutex>&>(lock).unlock();
  return task.print_answer();
}
