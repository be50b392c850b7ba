// none: works
// dropped: lost async-io
// acts: note
// line: none
// needs: liburing
// Forced into the kernel's worker: that is who submitted. The bad twin is the service again when it submits.
#include <liburing.h>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  const corpus::Identity caller = corpus::of_thread();
  const bool regains = CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0;
  io_uring ring;
  corpus::must(io_uring_queue_init(8, &ring, 0));
  for (const char* place : corpus::places) {
    const std::string path = std::string(place) + "/note.txt";
    io_uring_sqe* const request = io_uring_get_sqe(&ring);
    io_uring_prep_openat(request, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0);
    io_uring_sqe_set_flags(request, IOSQE_ASYNC);
    if (regains) corpus::wear_again(corpus::service);
    io_uring_submit(&ring);
    if (regains) corpus::wear(caller, true);
    io_uring_cqe* done = nullptr;
    corpus::must(io_uring_wait_cqe(&ring, &done));
    if (done->res >= 0) {
      std::printf("opens %s\n", path.c_str());
      close(done->res);
    }
    io_uring_cqe_seen(&ring, done);
  }
  io_uring_queue_exit(&ring);
  return 0;
}
