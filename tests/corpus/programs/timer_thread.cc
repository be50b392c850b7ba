// none: works
// dropped: lingering timer
// stale: leaked timer
// acts: note create
// line: none
// SIGEV_THREAD: glibc's helper is a copy of who armed the first timer.
#include <signal.h>
#include <time.h>

#include "task.h"

extern "C" void before() {
#if CORPUS_FAULT != FAULT_dropped
  // The helper is made as the service, before anybody is worn.
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {};
  timer_t timer{};
  corpus::must(timer_create(CLOCK_MONOTONIC, &event, &timer));
  timer_delete(timer);
#endif
}

extern "C" int operation() {
  corpus::Task task;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_value.sival_ptr = &task;
  event.sigev_notify_function = [](sigval value) { static_cast<corpus::Task*>(value.sival_ptr)->run(); };
  timer_t timer{};
  corpus::must(timer_create(CLOCK_MONOTONIC, &event, &timer));
  itimerspec soon{};
  soon.it_value.tv_nsec = 1'000'000;
  corpus::must(timer_settime(timer, 0, &soon, nullptr));
  const int result = task.print_answer();
  timer_delete(timer);
  return result;
}
