// The kernel's ring as an engine.
#pragma once

#include <atomic>
#include <vector>

#include "uring/engine.h"
#include "uring/kernel_calls.h"
#include "uring/personalities.h"

namespace behalf::uring::detail {

class KernelEngine final : public Engine {
 public:
  // Throws Error where the kernel has or allows no ring, or for lack of resources.
  KernelEngine(const Options& options, std::span<const iovec> fixed_buffers, Owner& owner);
  ~KernelEngine() override;

  [[nodiscard]] bool begin(Operation& operation) noexcept override;
  void cancel(Operation& operation) noexcept override;
  void turn(Wait wait, std::optional<Clock::time_point> until) noexcept override;
  void wake() noexcept override;
  [[nodiscard]] int fd() const noexcept override { return ring_.get().ring_fd; }
  [[nodiscard]] bool is_stuck() const noexcept override { return cannot_hand_over_ && cannot_wait_; }
  void count(Counts& counts) const noexcept override;

 private:
  // The ring and its end.
  class Owned {
   public:
    Owned(const Options& options, const KernelCalls& calls);
    ~Owned();
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    io_uring& get() noexcept { return ring_; }
    [[nodiscard]] const io_uring& get() const noexcept { return ring_; }

   private:
    io_uring ring_{};
  };

  [[nodiscard]] int room_for(unsigned requests) noexcept;
  [[nodiscard]] std::uint16_t ready_for(const Operation& operation, unsigned requests);
  void prepare(Operation& operation, std::span<Request> piece, std::uint16_t personality) noexcept;
  void prepare(Request& request, bool last, std::uint16_t personality) noexcept;
  io_uring_sqe& next_sqe() noexcept;
  void watch_wake() noexcept;
  io_uring_sqe* sqe_for_cancel(Operation& operation) noexcept;
  void pause_before_cancel(Operation& operation) noexcept;
  void cancel_completed(std::uint64_t tag, int result) noexcept;
  int hand_over() noexcept;
  void give_up_the_rest(int error) noexcept;
  void hold_back_rest_of_chain() noexcept;
  void make_nothing_of(io_uring_sqe& sqe) noexcept;
  void sleep_until(std::optional<Clock::time_point> until) noexcept;
  bool take_completions() noexcept;
  void completed(std::uint64_t tag, int result) noexcept;
  void end(Operation& operation) noexcept;
  [[nodiscard]] bool goes_on_in_pieces(Operation& operation) noexcept;
  [[nodiscard]] bool begin_piece(Operation& operation, std::span<Request> piece) noexcept;

  const KernelCalls& calls_;
  Owner& owner_;
  Owned ring_;
  Personalities personalities_;
  WakeUp wake_up_;
  std::uint64_t wakes_ = 0;  // what is read from it
  bool wake_is_watched_ = false;
  const bool caller_waits_;  // by fd(), between two turns
  const unsigned under_way_at_most_;
  bool cannot_hand_over_ = false;
  bool cannot_wait_ = false;
  int gives_up_because_ = 0;             // an errno negated
  unsigned under_way_ = 0;               // completions that can be to come
  std::vector<io_uring_sqe*> prepared_;  // and not handed over
  std::vector<int> free_files_;          // of the ring's table
  int no_files_because_ = 0;             // an errno
  std::atomic<std::uint64_t> entered_{0};
};

}  // namespace behalf::uring::detail
