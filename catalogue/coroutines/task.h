// The least coroutine there is: it starts at once, and whoever resumes it runs it on.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>

namespace behalf_row {

struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// `co_await SuspendTo{f}` suspends, and gives f the means to resume.
struct SuspendTo {
  std::function<void(std::coroutine_handle<>)> give;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> suspended) const { give(suspended); }
  void await_resume() const noexcept {}
};

}  // namespace behalf_row
