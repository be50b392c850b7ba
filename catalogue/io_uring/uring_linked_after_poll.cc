#include <poll.h>

#include <chrono>
#include <memory>
#include <thread>

#include "io_uring/own_ring.h"
#include "io_uring/ring.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  io_uring, an open linked behind a poll
works:  none
hop:    async-io
clock:  later
wrong:  a linked request takes the credentials of the submitting thread when its turn comes, not when it is submitted:
        by then the thread is the service again, or works for the next user
cure:   behalf::uring::Ring: a personality on every request, of a chain too
needs:  liburing behalf::uring
source: io_uring_register(2) IORING_REGISTER_PERSONALITY
)")

namespace {

struct Pipe {
  int ends[2] = {-1, -1};

  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

struct Pending : Pipe {
  behalf_row::Ring ring;
};

behalf_row::Workers* service;

// The service's thread makes the pipe readable when the caller has gone on, and does the rest.
template <class Rest>
void make_readable_later(const std::shared_ptr<Pipe>& pipe, Rest rest) {
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  service->post([pipe, later, rest] {
    std::this_thread::sleep_until(later);
    if (write(pipe->ends[1], "r", 1) == 1) rest();
  });
}

}  // namespace

extern "C" void before() {
  service = new behalf_row::Workers(1);
}

static behalf::uring::Ring* cured_ring;

extern "C" void before_cured() {
  before();
  cured_ring = new behalf::uring::Ring({.threads = 1});
}

// Returns at once.
extern "C" int operation() {
  const auto pending = std::make_shared<Pending>();
  io_uring_sqe* const poll = io_uring_get_sqe(pending->ring.get());
  io_uring_prep_poll_add(poll, pending->ends[0], POLLIN);
  io_uring_sqe_set_flags(poll, IOSQE_IO_HARDLINK);
  io_uring_sqe_set_data64(poll, behalf_row::notes.size());
  pending->ring.prepare_opening_of_notes(IOSQE_IO_HARDLINK);
  pending->ring.submit();
  make_readable_later(pending, [pending] { pending->ring.print_whose_notes_opened(); });
  return 0;
}

extern "C" int cured() {
  const auto pending = std::make_shared<Pipe>();
  using namespace behalf;
  cured_ring->submit(uring::poll(pending->ends[0], POLLIN)
                         .then(uring::open(behalf_row::notes[0], O_RDONLY))
                         .always(uring::open(behalf_row::notes[1], O_RDONLY))
                         .always(uring::open(behalf_row::notes[2], O_RDONLY)),
                     [pending](const auto& results) {
                       for (std::size_t note = 0; note < behalf_row::notes.size(); ++note) {
                         if (!results[note + 1]) continue;
                         std::printf("opens %s\n", behalf_row::notes[note]);
                         close(results[note + 1].value());
                       }
                     });
  make_readable_later(pending, [] {});
  return 0;
}
