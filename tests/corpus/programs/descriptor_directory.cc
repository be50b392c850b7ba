// none: works
// stale: denied descriptor
// acts: note
// line: opened
// Names are looked up below a directory that was opened for somebody else.
#include <mutex>

#include "task.h"

static std::mutex mutex;
static int kept = -1;

static int open_own() {
  for (const char* place : corpus::places) {
    const int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // <- here
    if (fd >= 0) return fd;
  }
  return -1;
}

extern "C" void before() {}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept < 0) kept = open_own();
  const int fd = openat(kept, "note.txt", O_RDONLY | O_CLOEXEC);
  char text[64];
  const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
  close(fd);
  if (size > 0) std::fwrite(text, 1, static_cast<std::size_t>(size), stdout);
  if (CORPUS_FAULT == FAULT_none) {
    close(kept);
    kept = -1;
  }
  return size > 0 ? 0 : 1;
}
