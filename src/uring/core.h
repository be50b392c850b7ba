// Core: what a Ring is made of. Takes operations over from any thread, lets an engine do them on the thread that
// drives, and has their ends told.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "uring/engine.h"
#include "uring/fixed_buffers.h"

namespace behalf::uring::detail {

// Who drives, one after the other in the order in which they asked. (Of a mutex, whoever drives again and again would
// leave hardly anything to others: it is taken again before who waits for it is awake.)
class Turns {
 public:
  // Returns when it is the calling thread's turn. Where it is another's now, calls hurry() first.
  template <class F>
  void take(const F& hurry) {
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = next_++;
    if (mine == now_) return;
    hurry();
    changed_.wait(lock, [&] { return mine == now_; });
  }
  void give_back() {
    const std::lock_guard lock(mutex_);
    ++now_;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0;
  std::uint64_t now_ = 0;
};

class Core final : private Engine::Owner {
 public:
  explicit Core(const Options& options);
  ~Core();

  // From any thread.
  void submit(Operation& operation, std::stop_token stop) noexcept;
  void cancel(Operation& operation) noexcept;
  void tell(behalf::detail::PoolTask* task) noexcept;
  [[nodiscard]] Counts counts() const noexcept;

  // Returns when all of them have ended.
  void run(std::span<const std::unique_ptr<Pending>> operations);

  // By the caller who drives.
  void drive(Engine::Wait wait, std::optional<Clock::time_point> until);

  [[nodiscard]] int fd() const noexcept { return engine_->fd(); }
  [[nodiscard]] bool uses_kernel() const noexcept { return uses_kernel_; }
  [[nodiscard]] bool driven_by_caller() const noexcept { return driven_by_caller_; }
  [[nodiscard]] FixedBuffers& fixed_buffers() noexcept { return fixed_buffers_; }

 private:
  class Driving;

  void has_ended(Operation& operation) noexcept override;
  [[nodiscard]] bool drives_here() const noexcept;
  [[nodiscard]] bool is_ending() noexcept;
  void serve() noexcept;
  void shut_down() noexcept;
  void go_round(Engine::Wait wait, std::optional<Clock::time_point> until) noexcept;
  void tell_and_go_on() noexcept;
  [[nodiscard]] bool has_more() noexcept;
  void take_submitted() noexcept;
  void await_turn(Operation& operation) noexcept;
  void take_cancellations() noexcept;
  void refuse(Operation& operation) noexcept;
  void begin_waiting() noexcept;
  void end(Operation& operation) noexcept;
  void settle(Operation& operation) noexcept;
  void tell_of_ended() noexcept;

  const bool driven_by_caller_;
  FixedBuffers fixed_buffers_;
  std::optional<ThreadPool> own_pool_;
  ThreadPool& pool_;
  bool uses_kernel_ = false;
  std::unique_ptr<Engine> engine_;

  std::mutex mutex_;  // over what follows
  Operations submitted_;
  Operation* cancellations_ = nullptr;
  bool awake_ = false;  // the driver has been called, or is about to look
  bool ending_ = false;

  Turns driving_;  // of who drives; over what follows
  Operations waiting_;
  Operations begun_;
  Operations ended_;            // and to be told
  bool room_was_made_ = false;  // since begin_waiting()

  std::atomic<std::uint64_t> submitted_count_{0};
  std::atomic<std::uint64_t> ended_count_{0};
  std::atomic<std::uint64_t> refused_count_{0};
  std::atomic<std::size_t> waiting_count_{0};
  std::atomic<std::size_t> begun_count_{0};

  std::thread thread_;
};

}  // namespace behalf::uring::detail
