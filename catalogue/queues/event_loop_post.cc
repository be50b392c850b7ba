#include <behalf/bind.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "row.h"

BEHALF_ROW(R"(
title:  a function posted to an event loop
works:  none
hop:    queue
clock:  creator
wrong:  the loop's thread (of libuv, libevent, Asio …) runs the callbacks of all users, and is the service
cure:   behalf::bind, which captures the caller at the post and wears it in the callback; or behalf's executor for Asio
source: eventfd(2)
)")

namespace {

class Loop {
 public:
  Loop() { std::thread(&Loop::turn, this).detach(); }

  void post(std::function<void()> callback) {
    {
      const std::lock_guard lock(mutex_);
      callbacks_.push_back(std::move(callback));
    }
    eventfd_write(wake_up_, 1);
  }

  void run(const std::function<void()>& callback) {
    const auto done = std::make_shared<std::promise<void>>();
    post([&callback, done] {
      callback();
      done->set_value();
    });
    done->get_future().wait();
  }

 private:
  [[noreturn]] void turn() {
    for (;;) {
      pollfd ready{wake_up_, POLLIN, 0};
      poll(&ready, 1, -1);
      eventfd_t posts = 0;
      eventfd_read(wake_up_, &posts);
      std::unique_lock lock(mutex_);
      std::deque<std::function<void()>> callbacks = std::exchange(callbacks_, {});
      lock.unlock();
      for (const auto& callback : callbacks) callback();
    }
  }

  const int wake_up_ = eventfd(0, EFD_CLOEXEC);
  std::mutex mutex_;
  std::deque<std::function<void()>> callbacks_;
};

Loop* loop;

}  // namespace

extern "C" void before() {
  loop = new Loop;
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  loop->run(behalf_row::print_whose_notes_open);
  return 0;
}

extern "C" int cured() {
  auto callback = behalf::bind(behalf_row::print_whose_notes_open);
  loop->run([&] { callback(); });
  return 0;
}
