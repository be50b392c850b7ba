// none: works
// stale: lost async-io
// acts: note
// line: none
// needs: liburing
// A personality goes with every request; the bad twin registers the first caller's and gives it to all.
#include <liburing.h>

#include <mutex>

#include "task.h"

static io_uring ring;
static std::mutex mutex;
static int first = -1;

extern "C" void before() {
  corpus::must(io_uring_queue_init(8, &ring, 0));
}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (first < 0) first = io_uring_register_personality(&ring);
  const int personality = CORPUS_FAULT == FAULT_stale ? first : io_uring_register_personality(&ring);
  corpus::must(personality);
  for (const char* place : corpus::places) {
    const std::string path = std::string(place) + "/note.txt";
    io_uring_sqe* const request = io_uring_get_sqe(&ring);
    io_uring_prep_openat(request, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0);
    request->personality = static_cast<unsigned short>(personality);
    io_uring_submit(&ring);
    io_uring_cqe* done = nullptr;
    corpus::must(io_uring_wait_cqe(&ring, &done));
    if (done->res >= 0) {
      std::printf("opens %s\n", path.c_str());
      close(done->res);
    }
    io_uring_cqe_seen(&ring, done);
  }
  if (CORPUS_FAULT == FAULT_none) io_uring_unregister_personality(&ring, personality);
  return 0;
}
