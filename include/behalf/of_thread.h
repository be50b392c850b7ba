// What a scope has changed of its thread besides the identity: ThreadDirectory, ThreadUmask, ThreadTickets and
// CallContext::Scope are made of it.
#pragma once

#include <cstddef>

namespace behalf::detail {

// A scope of one block of one thread; in a task, of the coroutine. Begun and ended in order.
class OfThread {
 public:
  OfThread(const OfThread&) = delete;
  OfThread(OfThread&&) = delete;
  OfThread& operator=(const OfThread&) = delete;
  OfThread& operator=(OfThread&&) = delete;

  static void* operator new(std::size_t) = delete;
  static void* operator new[](std::size_t) = delete;
  static void* operator new(std::size_t, void*) = delete;

  // The innermost of the calling thread, null where there is none.
  [[nodiscard]] static OfThread* innermost() noexcept;

  // What follows is for coroutines, as of Region.

  // Puts back all inside of `floor`, and links them to be taken again by resume(). They must outlive that.
  [[nodiscard]] static OfThread* suspend_down_to(const OfThread* floor) noexcept;
  // Takes them again, on whatever thread, the outermost first. Where one cannot be, none is, and it throws; it
  // can be tried again.
  static void resume(OfThread* outermost);

 protected:
  OfThread() = default;
  ~OfThread() = default;

  // take(), and it is the thread's innermost. Throws what that throws.
  void begin();
  // put_back(), where it has begun and is not suspended. Ends the process where that was on another thread, or where
  // one inside of it goes on.
  void end() noexcept;

 private:
  virtual void take() = 0;
  // Ends the process where it cannot.
  virtual void put_back() noexcept = 0;

  bool begun_ = false;
  OfThread* neighbour_ = nullptr;  // begun: the one around it; suspended: the next one inside
};

}  // namespace behalf::detail
