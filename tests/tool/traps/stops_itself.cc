// Stops itself while a second thread counts in shared memory; goes on with SIGCONT, and says that its handler ran.
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <thread>

#include "trap.h"

namespace {
std::atomic<int> continued{0};
}

int main(int, char** argv) {
  const int fd = open(argv[1], O_RDWR);
  trap::must(fd >= 0, argv[1]);
  auto* const count = static_cast<std::atomic<long>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  struct sigaction action {};
  action.sa_handler = [](int) { ++continued; };
  sigaction(SIGCONT, &action, nullptr);
  std::thread([count] {
    for (;;) ++*count, usleep(100);
  }).detach();
  while (*count == 0) usleep(100);
  trap::mark(1);
  raise(SIGSTOP);
  while (continued == 0) usleep(100);
  const long before = *count;
  while (*count == before) usleep(100);
  trap::act("/trap/after-stop");
  trap::say("continued %d\n", continued.load());
  _exit(0);
}
