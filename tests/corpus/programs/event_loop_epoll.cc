// none: works
// dropped: lost queue
// stale: leaked queue
// kept: lingering queue
// acts: note create folder
// An event loop that is told by an eventfd, as most are.
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::deque<corpus::Task*> queue;
static int told, epoll;

static void loop() {
  for (;;) {
    epoll_event event{};
    if (epoll_wait(epoll, &event, 1, -1) != 1) continue;
    std::uint64_t count = 0;
    corpus::must(read(told, &count, sizeof count));
    for (; count > 0; --count) {
      corpus::Task* task = nullptr;
      {
        const std::lock_guard lock(mutex);
        task = queue.front();
        queue.pop_front();
      }
      task->run();
    }
  }
}

extern "C" void before() {
  told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  corpus::must(epoll_ctl(epoll, EPOLL_CTL_ADD, told, &event));
  std::thread(loop).detach();
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  const std::uint64_t one = 1;
  corpus::must(write(told, &one, sizeof one));  // <- here
  return task.print_answer();
}
