#include "io_uring/own_ring.h"
#include "io_uring/ring.h"
#include "row.h"

BEHALF_ROW(R"(
title:  io_uring, a ring of the call's own
works:  files effective full shielded
hop:    async-io
wrong:  nothing: a request that can be done at once is done by the thread that submits it
cure:   behalf::uring::Ring: each request has a personality, which holds for those that have to wait too
needs:  liburing behalf::uring
source: io_uring_enter(2)
)")

static behalf::uring::Ring* cured_ring;

extern "C" void before_cured() {
  cured_ring = new behalf::uring::Ring({.threads = 1});
}

extern "C" int operation() {
  behalf_row::Ring ring;
  ring.prepare_opening_of_notes();
  ring.submit();
  ring.print_whose_notes_opened();
  return 0;
}

extern "C" int cured() {
  behalf_row::print_whose_notes_open_by(*cured_ring);
  return 0;
}
