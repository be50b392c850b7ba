#include <poll.h>

#include <chrono>
#include <memory>
#include <thread>

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
cure:   a personality on every request, as uring::Ring does
needs:  liburing
source: io_uring_register(2) IORING_REGISTER_PERSONALITY
)")

namespace {

struct Pending {
  behalf_row::Ring ring;
  int ends[2] = {-1, -1};

  Pending() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  }
  ~Pending() {
    close(ends[0]);
    close(ends[1]);
  }
};

behalf_row::Workers* service;

// Returns at once. The service's thread makes the pipe readable when the caller has gone on.
int open_notes_when_readable(const std::shared_ptr<Pending>& pending, int personality) {
  io_uring_sqe* const poll = io_uring_get_sqe(pending->ring.get());
  io_uring_prep_poll_add(poll, pending->ends[0], POLLIN);
  io_uring_sqe_set_flags(poll, IOSQE_IO_HARDLINK);
  io_uring_sqe_set_data64(poll, behalf_row::notes.size());
  poll->personality = static_cast<unsigned short>(personality);
  pending->ring.prepare_opening_of_notes(IOSQE_IO_HARDLINK, personality);
  pending->ring.submit();
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  service->post([pending, later] {
    std::this_thread::sleep_until(later);
    if (write(pending->ends[1], "r", 1) == 1) pending->ring.print_whose_notes_opened();
  });
  return 0;
}

}  // namespace

extern "C" void before() {
  service = new behalf_row::Workers(1);
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  return open_notes_when_readable(std::make_shared<Pending>(), 0);
}

// The personality goes with the ring.
extern "C" int cured() {
  const auto pending = std::make_shared<Pending>();
  return open_notes_when_readable(pending, io_uring_register_personality(pending->ring.get()));
}
