#include <behalf/timer.h>
#include <sys/timerfd.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "row.h"

BEHALF_ROW(R"(
title:  a timerfd(2) that the service's loop waits for
works:  none
hop:    timer
clock:  creator
wrong:  the thread that waits for all timers runs their callbacks, and is the service
cure:   behalf::Timer: an alarm goes off as whoever set it
source: timerfd_create(2)
)")

namespace {

constexpr std::chrono::milliseconds soon{2};

// The loop, for one timer at a time.
class Loop {
 public:
  Loop() { std::thread(&Loop::turn, this).detach(); }

  void after(std::chrono::milliseconds time, std::promise<void>* callback_ran) {
    callback_ran_ = callback_ran;
    itimerspec at{};
    at.it_value.tv_nsec = std::chrono::nanoseconds(time).count();
    timerfd_settime(timer_, 0, &at, nullptr);
  }

 private:
  [[noreturn]] void turn() {
    for (;;) {
      std::uint64_t times = 0;
      if (read(timer_, &times, sizeof times) != sizeof times) continue;
      behalf_row::print_whose_notes_open();
      callback_ran_.load()->set_value();
    }
  }

  const int timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  std::atomic<std::promise<void>*> callback_ran_{nullptr};
};

Loop* loop;
behalf::Timer* timer;
std::mutex one_at_a_time;

}  // namespace

extern "C" void before() {
  loop = new Loop;
}
extern "C" void before_cured() {
  timer = new behalf::Timer;
}

extern "C" int operation() {
  const std::lock_guard lock(one_at_a_time);
  std::promise<void> ran;
  loop->after(soon, &ran);
  ran.get_future().wait();
  return 0;
}

extern "C" int cured() {
  std::promise<void> ran;
  const behalf::Alarm alarm = timer->after(soon, [&] {
    behalf_row::print_whose_notes_open();
    ran.set_value();
  });
  ran.get_future().wait();
  return 0;
}
