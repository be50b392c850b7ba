#include <behalf/warm_up.h>
#include <mqueue.h>

#include <atomic>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  mq_notify(3) with SIGEV_THREAD, warmed up
works:  none
hop:    callback
clock:  creator
wrong:  behalf::warm_up() has started glibc's helper thread as the service: nobody gets the first user's callback any more,
        and everybody gets the service's
cure:   poll(2) the queue in a loop of one's own; or wear the caller in the callback
source: mq_notify(3)
)")

// A queue without a name.
static mqd_t make_queue() {
  static std::atomic<int> calls = 0;
  const std::string name = "/behalf." + std::to_string(getpid()) + '.' + std::to_string(calls++);
  mq_attr attributes{};
  attributes.mq_maxmsg = 1;
  attributes.mq_msgsize = 1;
  const mqd_t queue = mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
  if (queue >= 0) mq_unlink(name.c_str());
  return queue;
}

static int notify_of_a_message(behalf_row::Notification& notification) {
  const mqd_t queue = make_queue();
  const sigevent event = notification.event();
  const int failed = mq_notify(queue, &event) == 0 && mq_send(queue, "m", 1, 0) == 0 ? 0 : errno;
  if (failed == 0) notification.wait();
  mq_close(queue);
  return failed;
}

extern "C" void before() {
  behalf::warm_up();
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  behalf_row::Notification notification;
  return notify_of_a_message(notification);
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Notification notification(&caller);
  return notify_of_a_message(notification);
}
