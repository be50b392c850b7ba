// A thread that is not the leader becomes another user and execs, while others wait and one has the leader wait for it.
#include <thread>

#include "trap.h"

int main(int argc, char** argv) {
  if (argc == 2) {
    trap::act("/trap/second-program");
    std::thread([] { trap::act("/trap/thread-of-second"); }).join();
    trap::say("%s\n", trap::who_am_i().c_str());
    return 0;
  }
  for (int i = 0; i < 3; ++i)
    std::thread([] {
      for (;;) pause();
    }).detach();
  std::thread([&] {
    trap::act("/trap/before-exec");
    trap::must(syscall(SYS_setresuid, 3002, 3002, 3002) == 0, "setresuid");
    char word[] = "second";
    char* words[] = {argv[0], word, nullptr};
    execv("/proc/self/exe", words);
    _exit(1);
  }).join();
}
