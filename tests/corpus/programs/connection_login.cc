// none: works
// stale: lost connection
// acts: note
// line: opened
// TCP tells no identity: the client says who it is, once, and the connection is that user for good.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static int kept = -1;
static sockaddr_in address;

static void serve(int listener) {
  for (;;) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    std::thread([client] {
      uid_t who = 0;
      char byte = 0;
      if (read(client, &who, sizeof who) == sizeof who)
        while (read(client, &byte, 1) == 1 && write(client, &who, sizeof who) > 0) {
        }
      close(client);
    }).detach();
  }
}

static int log_in() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  corpus::must(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));  // <- here
  const uid_t who = geteuid();
  corpus::must(write(fd, &who, sizeof who));
  return fd;
}

extern "C" void before() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  corpus::must(bind(listener, reinterpret_cast<const sockaddr*>(&address), size));
  corpus::must(listen(listener, 8));
  corpus::must(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size));
  std::thread(serve, listener).detach();
}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept < 0) kept = log_in();
  uid_t who = 0;
  corpus::must(write(kept, "?", 1));
  corpus::must(read(kept, &who, sizeof who));
  std::printf("logged in as %u\n", who);
  if (CORPUS_FAULT == FAULT_none) {
    close(kept);
    kept = -1;
  }
  return 0;
}
