// none: works
// dropped: lost async-io
// acts: note
// line: none
// needs: liburing
// The kernel's thread that polls the ring is its maker's; a personality on the request makes it the caller's.
#include <liburing.h>

#include <mutex>

#include "task.h"

static io_uring ring;
static std::mutex mutex;

extern "C" void before() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SQPOLL;
  params.sq_thread_idle = 1;
  corpus::must(io_uring_queue_init_params(8, &ring, &params));
}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  const int personality = CORPUS_FAULT == FAULT_none ? io_uring_register_personality(&ring) : 0;
  for (const char* place : corpus::places) {
    const std::string path = std::string(place) + "/note.txt";
    io_uring_sqe* const request = io_uring_get_sqe(&ring);
    io_uring_prep_openat(request, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0);
    request->personality = static_cast<unsigned short>(personality);
    io_uring_submit(&ring);
    io_uring_cqe* done = nullptr;
    corpus::must(io_uring_wait_cqe(&ring, &done));
    const int fd = done->res;
    io_uring_cqe_seen(&ring, done);
    if (fd < 0) continue;
    std::printf("opens %s\n", path.c_str());
    close(fd);
  }
  if (personality > 0) io_uring_unregister_personality(&ring, personality);
  return 0;
}
