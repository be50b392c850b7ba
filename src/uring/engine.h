// Engine: what does a ring's operations. The kernel's ring is one; a pool's workers, where there is none, the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "behalf/uring.h"
#include "uring/wake_up.h"

namespace behalf::uring::detail {

using Clock = std::chrono::steady_clock;

// Operations, one after the other. Each is in one list at most.
class Operations {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] Operation* first() const noexcept { return first_; }

  void push(Operation& operation) noexcept {
    operation.next = nullptr;
    operation.previous = last_;
    (last_ != nullptr ? last_->next : first_) = &operation;
    last_ = &operation;
  }

  void remove(Operation& operation) noexcept {
    (operation.next != nullptr ? operation.next->previous : last_) = operation.previous;
    (operation.previous != nullptr ? operation.previous->next : first_) = operation.next;
  }

  Operation* pop() noexcept {
    Operation* const operation = first_;
    if (operation != nullptr) remove(*operation);
    return operation;
  }

 private:
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
};

// Whoever calls an engine is the thread that drives the ring, which is the service, but for wake().
class Engine {
 public:
  // Told of each operation that was begun, when all of it has ended.
  class Owner {
   public:
    virtual void has_ended(Operation& operation) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  // Whether the operation was begun; if not, there is no room before something else has ended, or it was refused
  // (Operation::refused).
  [[nodiscard]] virtual bool begin(Operation& operation) noexcept = 0;
  // Asks for the end of an operation that was begun. Told more than once, it asks again.
  virtual void cancel(Operation& operation) noexcept = 0;
  // Hands over what was begun, and tells what has ended. Waits, where told to, until something has ended, wake() was
  // called or the time has come.
  enum class Wait : std::uint8_t { no, yes };
  virtual void turn(Wait wait, std::optional<Clock::time_point> until) noexcept = 0;

  // From any thread.
  virtual void wake() noexcept = 0;
  // Readable when turn() has something to do.
  [[nodiscard]] virtual int fd() const noexcept = 0;

  // Whether what is under way can neither be waited for nor cancelled any more.
  [[nodiscard]] virtual bool is_stuck() const noexcept = 0;

  // From any thread.
  virtual void count(Counts& counts) const noexcept = 0;
};

}  // namespace behalf::uring::detail
