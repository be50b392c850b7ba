// An eventfd(2), by which any thread wakes up the one that drives a ring.
#pragma once

namespace behalf::uring::detail {

class WakeUp {
 public:
  WakeUp();  // throws Error of reason out_of_resources
  ~WakeUp();
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void call() noexcept;
  // When it is readable: forgets the calls.
  void answer() noexcept;

 private:
  int fd_;
};

}  // namespace behalf::uring::detail
