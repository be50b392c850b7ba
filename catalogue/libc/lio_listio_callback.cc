#include <aio.h>
#include <sys/mman.h>

#include "libc/notification.h"
#include "row.h"

BEHALF_ROW(R"(
title:  lio_listio(3) with SIGEV_THREAD
works:  none
hop:    callback
clock:  first-caller
wrong:  glibc starts a helper thread as a copy of the first caller and keeps it for a second after its last request: the
        callbacks of all users that come meanwhile run as the first one
cure:   uring::Ring; or submit as the service and wear the caller in the callback
source: lio_listio(3)
)")

// The callback comes when both requests are done.
static int write_a_list(behalf_row::Notification& notification) {
  static char text[] = "written\n";
  const int fd = memfd_create("aio", MFD_CLOEXEC);
  aiocb requests[2] = {};
  aiocb* list[2] = {&requests[0], &requests[1]};
  for (aiocb& request : requests) {
    request.aio_fildes = fd;
    request.aio_buf = text;
    request.aio_nbytes = sizeof text - 1;
    request.aio_lio_opcode = LIO_WRITE;
  }
  sigevent event = notification.event();
  const int failed = notification.ask([&] { return lio_listio(LIO_NOWAIT, list, 2, &event); }) == 0 ? 0 : errno;
  if (failed == 0) notification.wait();
  close(fd);
  return failed;
}

extern "C" int operation() {
  behalf_row::Notification notification;
  return write_a_list(notification);
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Notification notification(&caller);
  return write_a_list(notification);
}
