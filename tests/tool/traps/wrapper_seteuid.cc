// glibc's seteuid from one thread of four.
#include <barrier>
#include <thread>
#include <vector>

#include "trap.h"

int main(int, char** argv) {
  std::barrier ready(4), changed(4), done(4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      ready.arrive_and_wait();
      changed.arrive_and_wait();
      trap::act("/trap/bystander");
      done.arrive_and_wait();
    });
  ready.arrive_and_wait();
  usleep(10000);
  if (std::strcmp(argv[1], "glibc") == 0)
    trap::must(seteuid(3001) == 0, "seteuid");
  else
    trap::must(syscall(SYS_setresuid, -1, 3001, -1) == 0, "setresuid");
  trap::act("/trap/caller");
  changed.arrive_and_wait();
  done.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
}
