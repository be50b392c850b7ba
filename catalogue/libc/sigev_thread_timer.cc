#include <behalf/timer.h>

#include <ctime>
#include <future>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  timer_create(2) with SIGEV_THREAD
works:  none
hop:    timer
clock:  first-caller
wrong:  one helper thread of glibc's, a copy of whoever made the first timer, starts the callbacks of all timers for as
        long as the process lives
cure:   behalf::Timer: an alarm goes off as whoever set it
source: timer_create(2) "C library/kernel differences"
)")

static int expire_once(behalf_row::Notification& notification) {
  sigevent event = notification.event();
  timer_t timer{};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return errno;
  itimerspec soon{};
  soon.it_value.tv_nsec = 1'000'000;
  timer_settime(timer, 0, &soon, nullptr);
  notification.wait();
  return timer_delete(timer) == 0 ? 0 : errno;
}

static behalf::Timer* timer;

extern "C" void before_cured() {
  timer = new behalf::Timer;
}

extern "C" int operation() {
  behalf_row::Notification notification;
  return expire_once(notification);
}

extern "C" int cured() {
  std::promise<void> ran;
  const behalf::Alarm alarm = timer->after(std::chrono::milliseconds{1}, [&] {
    behalf_row::print_whose_notes_open();
    ran.set_value();
  });
  ran.get_future().wait();
  return 0;
}
