// none: works
// dropped: lost message
// stale: leaked message
// acts: note create
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "task.h"

static sockaddr_un address;
static const socklen_t size = sizeof(sa_family_t) + 1 + 6;
static int sender;

extern "C" void before() {
  address.sun_family = AF_UNIX;
  __builtin_memcpy(address.sun_path, "\0corpus", 7);
  const int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  corpus::must(bind(receiver, reinterpret_cast<const sockaddr*>(&address), size));
  sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::thread([receiver] {
    corpus::Task* task = nullptr;
    while (recv(receiver, &task, sizeof task, 0) == sizeof task) task->run();
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  corpus::Task* const pointer = &task;
  const auto* const to = reinterpret_cast<const sockaddr*>(&address);
  corpus::must(sendto(sender, &pointer, sizeof pointer, 0, to, size));  // <- here
  return task.print_answer();
}
