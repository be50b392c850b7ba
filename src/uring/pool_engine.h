// The engine for where the kernel has no ring: the workers of a pool make the system calls, each as the identity of its
// request. They wait for nobody: what has to wait is parked with the thread that drives, which watches for all of them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "uring/engine.h"

namespace behalf::uring::detail {

class PoolEngine final : public Engine {
 public:
  // Throws Error of reason out_of_resources.
  PoolEngine(const Options& options, ThreadPool& pool, Owner& owner);
  ~PoolEngine() override;

  [[nodiscard]] bool begin(Operation& operation) noexcept override;
  void cancel(Operation& operation) noexcept override;
  void turn(Wait wait, std::optional<Clock::time_point> until) noexcept override;
  void wake() noexcept override { wake_up_.call(); }
  [[nodiscard]] int fd() const noexcept override { return epoll_.number; }
  [[nodiscard]] bool is_stuck() const noexcept override { return false; }
  void count(Counts&) const noexcept override {}

 private:
  struct Job;
  class Errand;
  struct Closed {
    explicit Closed(int made);
    ~Closed();
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;
    int number;
  };

  // On a worker, as the user.
  void perform(Job& job) noexcept;
  [[nodiscard]] bool performed(Job& job, Request& request) noexcept;
  void give_back(Job& job) noexcept;

  // On the thread that drives.
  void take_given_back() noexcept;
  void send_out(Job& job) noexcept;
  void park(Job& job) noexcept;
  void unpark(Job& job) noexcept;
  void wait_for_events(int milliseconds) noexcept;
  void take_expired() noexcept;
  void set_alarm() noexcept;
  void end(Job& job) noexcept;

  ThreadPool& pool_;
  Owner& owner_;
  const std::size_t under_way_at_most_;
  WakeUp wake_up_;
  Closed epoll_;
  Closed alarm_;
  std::unordered_map<Operation*, std::unique_ptr<Job>> jobs_;
  std::multimap<Clock::time_point, Job*> deadlines_;  // of those that are parked

  std::mutex mutex_;
  Job* given_back_ = nullptr;
};

}  // namespace behalf::uring::detail
