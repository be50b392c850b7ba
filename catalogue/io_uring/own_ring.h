// The cure of this family: the notes opened by a behalf::uring::Ring, each request as whoever asks.
//
//     static behalf::uring::Ring* cured_ring;
//     extern "C" void before_cured() { cured_ring = new behalf::uring::Ring({.threads = 1}); }  // at start-up
//     …
//     behalf_row::print_whose_notes_open_by(*cured_ring);
//
#pragma once

#include <behalf/uring.h>

#include "io_uring/ring.h"

namespace behalf_row {

inline void print_whose_notes_open_by(behalf::uring::Ring& ring) {
  behalf::uring::Batch batch;
  for (const char* note : notes) batch.add(behalf::uring::open(note, O_RDONLY));
  ring.run(batch);
  for (std::size_t note = 0; note < notes.size(); ++note) {
    if (!batch[note]) continue;
    std::printf("opens %s\n", notes[note]);
    close(batch[note].value());
  }
}

}  // namespace behalf_row
