// Opens what there is and what there is not, in several threads at once, and counts.
#include <atomic>
#include <thread>

#include "trap.h"

int main(int, char** argv) {
  const std::string there = argv[1], not_there = there + ".not";
  std::atomic<int> opened = 0, absent = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const int fd = open(there.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && close(fd) == 0) ++opened;
        if (trap::look(not_there.c_str()) == ENOENT) ++absent;
      }
    });
  for (std::thread& thread : threads) thread.join();
  trap::say("opened %d absent %d\n", opened.load(), absent.load());
}
