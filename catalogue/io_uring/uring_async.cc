#include "io_uring/ring.h"
#include "row.h"

BEHALF_ROW(R"(
title:  io_uring, with IOSQE_ASYNC
works:  files effective full shielded
hop:    async-io
wrong:  nothing: the submitter's credentials are noted in the request when it is given to a worker
cure:   none needed; a personality on every request (uring::Ring) holds for those that have to wait too
needs:  liburing
source: io_uring_sqe_set_flags(3)
)")

extern "C" int operation() {
  behalf_row::Ring ring;
  ring.prepare_opening_of_notes(IOSQE_ASYNC);
  ring.submit();
  ring.print_whose_notes_opened();
  return 0;
}
