// none: works
// dropped: lost message
// stale: leaked message
// acts: note create
// A connection of the service's to itself, made at start-up.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "task.h"

static int mine, its;

extern "C" void before() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  corpus::must(bind(listener, reinterpret_cast<const sockaddr*>(&address), size));
  corpus::must(listen(listener, 1));
  corpus::must(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size));
  mine = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  corpus::must(connect(mine, reinterpret_cast<const sockaddr*>(&address), size));
  its = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  corpus::must(its);
  close(listener);
  std::thread([] {
    corpus::Task* task = nullptr;
    while (recv(its, &task, sizeof task, MSG_WAITALL) == sizeof task) task->run();
  }).detach();
}

extern "C" int operation() {
  corpus::Task task;
  corpus::Task* const address = &task;
  corpus::must(send(mine, &address, sizeof address, 0));  // <- here
  return task.print_answer();
}
