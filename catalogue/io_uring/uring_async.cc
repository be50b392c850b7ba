#include "io_uring/own_ring.h"
#include "io_uring/ring.h"
#include "row.h"

BEHALF_ROW(R"(
title:  io_uring, with IOSQE_ASYNC
works:  files effective full shielded
hop:    async-io
wrong:  nothing: the submitter's credentials are noted in the request when it is given to a worker
cure:   behalf::uring::Ring: each request has a personality, which holds for those that have to wait too
needs:  liburing behalf::uring
source: io_uring_sqe_set_flags(3)
)")

static behalf::uring::Ring* cured_ring;

extern "C" void before_cured() {
  cured_ring = new behalf::uring::Ring({.threads = 1});
}

extern "C" int operation() {
  behalf_row::Ring ring;
  ring.prepare_opening_of_notes(IOSQE_ASYNC);
  ring.submit();
  ring.print_whose_notes_opened();
  return 0;
}

extern "C" int cured() {
  behalf_row::print_whose_notes_open_by(*cured_ring);
  return 0;
}
