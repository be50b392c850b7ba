#include <mutex>

#include "io_uring/ring.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  io_uring, submitted by another thread
works:  none
hop:    async-io
clock:  submit
wrong:  who fills in a request is forgotten: it runs as the thread that submits it, here one of the service's
cure:   a personality on every request, as uring::Ring does
needs:  liburing
source: measured by this row
)")

static behalf_row::Workers* submitter;
static behalf_row::Ring* ring;
static std::mutex ring_in_use;

extern "C" void before() {
  submitter = new behalf_row::Workers(1);
  ring = new behalf_row::Ring;
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  const std::lock_guard lock(ring_in_use);
  ring->prepare_opening_of_notes();
  submitter->run([] { ring->submit(); });
  ring->print_whose_notes_opened();
  return 0;
}

extern "C" int cured() {
  const std::lock_guard lock(ring_in_use);
  const behalf_row::Personality caller(*ring);
  ring->prepare_opening_of_notes(0, caller.id());
  submitter->run([] { ring->submit(); });
  ring->print_whose_notes_opened();
  return 0;
}
