// Threads that take what they are given from a queue, and print or act for whoever gave it: the hand-off of many rows.
//
//     static behalf_row::Workers* workers;
//     extern "C" void before() { workers = new behalf_row::Workers(1); }
//     …
//     workers->run([] { behalf_row::print_whose_notes_open(); });  // on a worker; returns when it is done
//
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace behalf_row {

// Lives as long as the process: its threads are never joined.
class Workers {
 public:
  explicit Workers(int threads) {
    while (threads-- > 0) std::thread(&Workers::serve, this).detach();
  }

  // Returns at once.
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    works_.push_back(std::move(work));
    there_is_work_.notify_one();
  }

  // Returns when the work is done.
  void run(const std::function<void()>& work) {
    const auto done = std::make_shared<std::promise<void>>();
    post([&work, done] {
      work();
      done->set_value();
    });
    done->get_future().wait();
  }

 private:
  [[noreturn]] void serve() {
    for (;;) {
      std::unique_lock lock(mutex_);
      there_is_work_.wait(lock, [this] { return !works_.empty(); });
      const std::function<void()> work = std::move(works_.front());
      works_.pop_front();
      lock.unlock();
      work();
    }
  }

  std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::deque<std::function<void()>> works_;
};

}  // namespace behalf_row
