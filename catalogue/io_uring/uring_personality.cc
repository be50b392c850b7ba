#include <mutex>

#include "io_uring/own_ring.h"
#include "io_uring/ring.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  io_uring, with a personality
works:  files effective full shielded
hop:    async-io
wrong:  nothing: the request wears the credentials of the thread that registered the personality, whoever submits it
cure:   behalf::uring::Ring, which does so for every request and lets no personality out, as their use is not checked
needs:  liburing behalf::uring
source: io_uring_register(2) IORING_REGISTER_PERSONALITY
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
  const behalf_row::Personality caller(*ring);
  submitter->run([&] {
    ring->prepare_opening_of_notes(0, caller.id());
    ring->submit();
  });
  ring->print_whose_notes_opened();
  return 0;
}

extern "C" int cured() {
  behalf_row::print_whose_notes_open_by(*cured_ring);
  return 0;
}
