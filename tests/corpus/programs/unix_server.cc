// none: works
// dropped: lost message
// stale: leaked message
// acts: note create
// Each call makes a connection of its own to a thread of the service's.
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "task.h"

static sockaddr_un address;
static const socklen_t size = sizeof(sa_family_t) + 1 + 6;

extern "C" void before() {
  address.sun_family = AF_UNIX;
  __builtin_memcpy(address.sun_path, "\0corpus", 7);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  corpus::must(bind(listener, reinterpret_cast<const sockaddr*>(&address), size));
  corpus::must(listen(listener, 8));
  std::thread([listener] {
    for (;;) {
      const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      corpus::Task* task = nullptr;
      if (read(client, &task, sizeof task) == sizeof task) task->run();
      close(client);
    }
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  corpus::Task* const pointer = &task;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  corpus::must(connect(fd, reinterpret_cast<const sockaddr*>(&::address), size));
  corpus::must(write(fd, &pointer, sizeof pointer));  // <- here
  const int result = task.print_answer();
  close(fd);
  return result;
}
