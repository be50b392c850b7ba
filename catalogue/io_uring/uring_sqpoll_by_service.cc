#include <mutex>

#include "io_uring/ring.h"
#include "row.h"

BEHALF_ROW(R"(
title:  io_uring, with IORING_SETUP_SQPOLL
works:  none
hop:    async-io
clock:  creator
wrong:  the kernel's thread that takes the requests wears the credentials of whoever made the ring: the service opens
        all files, for every user
cure:   a personality on every request, as uring::Ring does
needs:  liburing
source: io_uring_setup(2) IORING_SETUP_SQPOLL
)")

static behalf_row::Ring* ring;
static std::mutex ring_in_use;

extern "C" void before() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SQPOLL;
  params.sq_thread_idle = 1;  // milliseconds until the kernel's thread sleeps
  ring = new behalf_row::Ring(params);
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  const std::lock_guard lock(ring_in_use);
  ring->prepare_opening_of_notes();
  ring->submit();
  ring->print_whose_notes_opened();
  return 0;
}

extern "C" int cured() {
  const std::lock_guard lock(ring_in_use);
  const behalf_row::Personality caller(*ring);
  ring->prepare_opening_of_notes(0, caller.id());
  ring->submit();
  ring->print_whose_notes_opened();
  return 0;
}
