// none: works
// stale: lost connection
// acts: note
// line: opened
// The server, a thread of the service's, answers by whom it was connected to.
#include <sys/socket.h>
#include <sys/un.h>

#include <mutex>
#include <thread>

#include "task.h"

static std::mutex mutex;
static int kept = -1;
static sockaddr_un address;
static const socklen_t size = sizeof(sa_family_t) + 1 + 6;

static void serve(int listener) {
  for (;;) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    std::thread([client] {
      char byte = 0;
      while (read(client, &byte, 1) == 1) {
        ucred peer{};
        socklen_t length = sizeof peer;
        corpus::must(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length));
        if (write(client, &peer.uid, sizeof peer.uid) < 0) break;
      }
      close(client);
    }).detach();
  }
}

static int connect_to_it() {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  corpus::must(connect(fd, reinterpret_cast<const sockaddr*>(&address), size));  // <- here
  return fd;
}

extern "C" void before() {
  address.sun_family = AF_UNIX;
  __builtin_memcpy(address.sun_path, "\0corpus", 7);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  corpus::must(bind(listener, reinterpret_cast<const sockaddr*>(&address), size));
  corpus::must(listen(listener, 8));
  std::thread(serve, listener).detach();
}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept < 0) kept = connect_to_it();
  uid_t who = 0;
  corpus::must(write(kept, "?", 1));
  corpus::must(read(kept, &who, sizeof who));
  std::printf("the server sees %u\n", who);
  if (CORPUS_FAULT == FAULT_none) {
    close(kept);
    kept = -1;
  }
  return 0;
}
