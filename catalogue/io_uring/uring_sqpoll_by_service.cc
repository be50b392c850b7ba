#include <mutex>

#include "io_uring/own_ring.h"
#include "io_uring/ring.h"
#include "row.h"

BEHALF_ROW(R"(
title:  io_uring, with IORING_SETUP_SQPOLL
works:  none
hop:    async-io
clock:  creator
wrong:  the kernel's thread that takes the requests wears the credentials of whoever made the ring: the service opens
        all files, for every user
cure:   behalf::uring::Ring: a personality on every request
needs:  liburing behalf::uring
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
static behalf::uring::Ring* cured_ring;

extern "C" void before_cured() {
  cured_ring = new behalf::uring::Ring({.threads = 1});
}

extern "C" int operation() {
  const std::lock_guard lock(ring_in_use);
  ring->prepare_opening_of_notes();
  ring->submit();
  ring->print_whose_notes_opened();
  return 0;
}

extern "C" int cured() {
  behalf_row::print_whose_notes_open_by(*cured_ring);
  return 0;
}
