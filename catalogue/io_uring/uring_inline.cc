#include "io_uring/ring.h"
#include "row.h"

BEHALF_ROW(R"(
title:  io_uring, a ring of the call's own
works:  files effective full shielded
hop:    async-io
wrong:  nothing: a request that can be done at once is done by the thread that submits it
cure:   none needed; a personality on every request (uring::Ring) holds for those that have to wait too
needs:  liburing
source: io_uring_enter(2)
)")

extern "C" int operation() {
  behalf_row::Ring ring;
  ring.prepare_opening_of_notes();
  ring.submit();
  ring.print_whose_notes_opened();
  return 0;
}
