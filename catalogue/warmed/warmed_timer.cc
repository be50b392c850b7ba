#include <behalf/warm_up.h>

#include <ctime>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  timer_create(2) with SIGEV_THREAD, warmed up
works:  none
hop:    timer
clock:  creator
wrong:  behalf::warm_up() has started glibc's helper thread as the service: nobody gets the first user's callback any more,
        and everybody gets the service's
cure:   behalf::Timer; or wear the caller in the callback
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

extern "C" void before() {
  behalf::warm_up();
}
extern "C" void before_cured() {
  before();
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
