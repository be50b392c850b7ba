// A gate: tasks that wait at it hold their worker until it is opened.
#pragma once

#include <future>

#include "behalf/thread_pool.h"

namespace behalf::testing {

class Gate {
 public:
  // Returns when a worker of the pool waits at the gate, as the service.
  void hold(ThreadPool& pool) {
    std::promise<void> there;
    std::future<void> is_there = there.get_future();
    held_ = pool.submit(as_service, [this, &there] {
      there.set_value();
      opened_.wait();
    });
    is_there.wait();
  }

  void open() {
    open_.set_value();
    if (held_.valid()) held_.get();
  }

 private:
  std::promise<void> open_;
  std::shared_future<void> opened_ = open_.get_future().share();
  std::future<void> held_;
};

}  // namespace behalf::testing
