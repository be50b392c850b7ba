// none: works
// dropped: lost async-io
// acts: note
// needs: liburing
// A ring asks as whoever submits: the good twin's caller does, the bad one's worker.
#include <liburing.h>

#include "queue.h"
#include "task.h"

static void open_notes(int output) {
  io_uring ring;
  corpus::must(io_uring_queue_init(8, &ring, 0));
  std::string found;
  for (const char* place : corpus::places) {
    const std::string path = std::string(place) + "/note.txt";
    io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0);
    io_uring_submit(&ring);
    io_uring_cqe* done = nullptr;
    corpus::must(io_uring_wait_cqe(&ring, &done));
    if (done->res >= 0) found += "opens " + path + "\n", close(done->res);
    io_uring_cqe_seen(&ring, done);
  }
  io_uring_queue_exit(&ring);
  corpus::must(write(output, found.c_str(), found.size() + 1));
}

static corpus::Queue<int> queue;

extern "C" void before() {
  corpus::serve(queue, open_notes);
}

extern "C" int operation() {
  int ends[2];
  corpus::must(pipe2(ends, O_CLOEXEC));
  if (CORPUS_FAULT == FAULT_none)
    open_notes(ends[1]);
  else
    queue.push(ends[1]);  // <- here
  char text[512];
  corpus::must(read(ends[0], text, sizeof text));
  std::fputs(text, stdout);
  close(ends[0]);
  close(ends[1]);
  return 0;
}
