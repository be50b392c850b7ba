// none: works
// dropped: lost message
// stale: leaked message
// kept: lingering queue
// acts: note create folder
#include <sys/socket.h>

#include <thread>

#include "task.h"

static int ends[2];

static void serve() {
  for (;;) {
    corpus::Task* task = nullptr;
    if (recv(ends[0], &task, sizeof task, 0) == sizeof task) task->run();
  }
}

extern "C" void before() {
  corpus::must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  std::thread(serve).detach();
}

extern "C" int operation() {
  corpus::Task task;
  corpus::Task* const address = &task;
  corpus::must(send(ends[1], &address, sizeof address, 0));  // <- here
  return task.print_answer();
}
