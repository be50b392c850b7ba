// A thousand short threads, each acting once, eight at a time.
#include <thread>
#include <vector>

#include "trap.h"

int main() {
  for (int wave = 0; wave < 125; ++wave) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([] { trap::act("/trap/storm"); });
    for (std::thread& thread : threads) thread.join();
  }
  trap::say("calm\n");
}
