// none: works
// dropped: lost queue
// stale: leaked queue
// acts: note create
// As Asio wakes its loop: an eventfd that is always ready, and an epoll_ctl that says so again. Nothing is read.
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <deque>
#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static std::deque<corpus::Task*> queue;
static int ready, epoll;

static void interrupt() {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLERR | EPOLLET;
  corpus::must(epoll_ctl(epoll, EPOLL_CTL_MOD, ready, &event));  // <- here
}

static void loop() {
  for (;;) {
    epoll_event event{};
    if (epoll_wait(epoll, &event, 1, -1) < 0) continue;
    for (;;) {
      corpus::Task* task = nullptr;
      {
        const std::lock_guard lock(mutex);
        if (queue.empty()) break;
        task = queue.front();
        queue.pop_front();
      }
      task->run();
    }
  }
}

extern "C" void before() {
  ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLERR | EPOLLET;
  corpus::must(epoll_ctl(epoll, EPOLL_CTL_ADD, ready, &event));
  std::thread(loop).detach();
}

extern "C" int operation() {
  corpus::Task task;
  {
    const std::lock_guard lock(mutex);
    queue.push_back(&task);
  }
  interrupt();
  return task.print_answer();
}
