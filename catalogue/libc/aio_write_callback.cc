#include <aio.h>
#include <sys/mman.h>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  aio_write(3) with SIGEV_THREAD
works:  none
hop:    callback
clock:  first-caller
wrong:  glibc starts a helper thread as a copy of the first caller and keeps it for a second after its last request: the
        callbacks of all users that come meanwhile run as the first one
cure:   uring::Ring; or submit as the service and wear the caller in the callback
source: aio(7) "C library/kernel differences"
)")

static int write_asynchronously(behalf_row::Notification& notification) {
  static char text[] = "written\n";
  aiocb request{};
  request.aio_fildes = memfd_create("aio", MFD_CLOEXEC);
  request.aio_buf = text;
  request.aio_nbytes = sizeof text - 1;
  request.aio_sigevent = notification.event();
  int failed = notification.ask([&] { return aio_write(&request); }) == 0 ? 0 : errno;
  if (failed == 0) {
    notification.wait();
    failed = aio_error(&request);
  }
  close(request.aio_fildes);
  return failed;
}

extern "C" int operation() {
  behalf_row::Notification notification;
  return write_asynchronously(notification);
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Notification notification(&caller);
  return write_asynchronously(notification);
}
