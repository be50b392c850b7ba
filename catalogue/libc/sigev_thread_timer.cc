#include <ctime>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  timer_create(2) with SIGEV_THREAD
works:  none
hop:    timer
clock:  first-caller
wrong:  one helper thread of glibc's, a copy of whoever made the first timer, starts the callbacks of all timers for as
        long as the process lives
cure:   behalf::Timer; or make a timer at start-up, which starts the helper thread as the service, and wear the caller
        in the callback
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

// The helper thread is born with the first timer.
extern "C" void before_cured() {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {};
  timer_t timer{};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) timer_delete(timer);
}

extern "C" int operation() {
  behalf_row::Notification notification;
  return expire_once(notification);
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Notification notification(&caller);
  return expire_once(notification);
}
