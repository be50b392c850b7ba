#include <mutex>

#include "io_uring/own_ring.h"
#include "io_uring/ring.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  io_uring, submitted by another thread
works:  none
hop:    async-io
clock:  submit
wrong:  who fills in a request is forgotten: it runs as the thread that submits it, here one of the service's
cure:   behalf::uring::Ring: a personality on every request
needs:  liburing behalf::uring
source: measured by this row
)")

static behalf_row::Workers* submitter;
static behalf_row::Ring* ring;
static std::mutex ring_in_use;

extern "C" void before() {
  submitter = new behalf_row::Workers(1);
  ring = new behalf_row::Ring;
}
static behalf::uring::Ring* cured_ring;

extern "C" void before_cured() {
  cured_ring = new behalf::uring::Ring({.threads = 1});
}

extern "C" int operation() {
  const std::lock_guard lock(ring_in_use);
  ring->prepare_opening_of_notes();
  submitter->run([] { ring->submit(); });
  ring->print_whose_notes_opened();
  return 0;
}

extern "C" int cured() {
  behalf_row::print_whose_notes_open_by(*cured_ring);
  return 0;
}
