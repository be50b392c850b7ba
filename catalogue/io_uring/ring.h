// An io_uring that opens the notes, and says whose opened.
#pragma once

#include <liburing.h>

#include <array>
#include <system_error>

#include "row.h"

namespace behalf_row {

inline constexpr std::array<const char*, 3> notes = {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"};

class Ring {
 public:
  explicit Ring(io_uring_params params = {}) {
    if (const int failed = io_uring_queue_init_params(8, &ring_, &params); failed < 0) {
      throw std::system_error(-failed, std::generic_category(), "io_uring_setup");
    }
  }
  ~Ring() { io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // One request for each note. With IOSQE_IO_HARDLINK in the flags each waits for the one before it.
  // A personality of 0 is none: the request runs as the thread that submits it.
  void prepare_opening_of_notes(unsigned flags = 0, int personality = 0) {
    for (std::size_t note = 0; note < notes.size(); ++note) {
      io_uring_sqe* const request = io_uring_get_sqe(&ring_);
      io_uring_prep_openat(request, AT_FDCWD, notes[note], O_RDONLY | O_CLOEXEC, 0);
      const bool last = note + 1 == notes.size();
      io_uring_sqe_set_flags(request, last ? flags & ~unsigned{IOSQE_IO_HARDLINK} : flags);
      io_uring_sqe_set_data64(request, note);
      request->personality = static_cast<unsigned short>(personality);
    }
  }

  void submit() {
    if (const int submitted = io_uring_submit(&ring_); submitted < 0) {
      throw std::system_error(-submitted, std::generic_category(), "io_uring_enter");
    }
  }

  // Waits until all notes are tried, and prints those that opened. Completions of other requests are passed over.
  void print_whose_notes_opened() {
    std::array<int, notes.size()> opened{};
    for (std::size_t seen = 0; seen < notes.size();) {
      io_uring_cqe* completion = nullptr;
      if (io_uring_wait_cqe(&ring_, &completion) != 0) continue;  // interrupted
      if (completion->user_data < notes.size()) {
        opened[completion->user_data] = completion->res;
        ++seen;
      }
      io_uring_cqe_seen(&ring_, completion);
    }
    for (std::size_t note = 0; note < notes.size(); ++note) {
      if (opened[note] < 0) continue;
      std::printf("opens %s\n", notes[note]);
      close(opened[note]);
    }
  }

  io_uring* get() { return &ring_; }

 private:
  io_uring ring_{};
};

// The identity of the thread that registers it, for requests that name it: by whomever, whenever they are run.
class Personality {
 public:
  explicit Personality(Ring& ring) : ring_(ring), id_(io_uring_register_personality(ring.get())) {
    if (id_ < 0) throw std::system_error(-id_, std::generic_category(), "IORING_REGISTER_PERSONALITY");
  }
  ~Personality() { io_uring_unregister_personality(ring_.get(), id_); }
  Personality(const Personality&) = delete;
  Personality& operator=(const Personality&) = delete;

  int id() const { return id_; }

 private:
  Ring& ring_;
  int id_;
};

}  // namespace behalf_row
