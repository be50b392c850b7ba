#include <netdb.h>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  getaddrinfo_a(3) with SIGEV_THREAD
works:  none
hop:    callback
clock:  first-caller
wrong:  glibc starts a helper thread as a copy of the first caller and keeps it for a second after its last request: the
        look-ups and the callbacks of all users that come meanwhile run as the first one
cure:   getaddrinfo(3) in a thread of one's own; or submit as the service and wear the caller in the callback
source: getaddrinfo_a(3)
)")

// A numeric address: nobody is asked.
static int look_up(behalf_row::Notification& notification) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  gaicb request{};
  request.ar_name = "127.0.0.1";
  request.ar_request = &hints;
  gaicb* list[] = {&request};
  sigevent event = notification.event();
  if (const int failed = notification.ask([&] { return getaddrinfo_a(GAI_NOWAIT, list, 1, &event); })) return failed;
  notification.wait();
  freeaddrinfo(request.ar_result);
  return gai_error(&request);
}

extern "C" int operation() {
  behalf_row::Notification notification;
  return look_up(notification);
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Notification notification(&caller);
  return look_up(notification);
}
