#include <mqueue.h>

#include <atomic>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  mq_notify(3) with SIGEV_THREAD
works:  none
hop:    callback
clock:  first-caller
wrong:  one helper thread of glibc's, a copy of whoever asked first, starts the callbacks of all queues for as long as
        the process lives
cure:   poll(2) the queue in a loop of one's own; or ask once at start-up, which starts the helper thread as the
        service, and wear the caller in the callback
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

// The helper thread is born with the first question.
extern "C" void before_cured() {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {};
  const mqd_t queue = make_queue();
  mq_notify(queue, &event);
  mq_close(queue);
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
