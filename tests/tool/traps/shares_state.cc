// Changes its umask and directory, and puts them back: alone, beside another thread, with state of its own, in a child.
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <thread>
#include <vector>

#include "trap.h"

namespace {

void there_and_back() {
  umask(umask(0077));
  trap::must(chdir("/usr") == 0 && chdir("/") == 0, "chdir");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string way = argc > 1 ? argv[1] : "";
  trap::must(chdir("/") == 0, "chdir");
  umask(0022);
  if (way == "alone") there_and_back();
  if (way == "beside") std::thread(there_and_back).join();
  if (way == "refused") std::thread([] { trap::must(chdir("/no/such/place") != 0, "chdir to nowhere"); }).join();
  if (way == "own")
    std::thread([] {
      trap::must(unshare(CLONE_FS) == 0, "unshare");
      there_and_back();
    }).join();
  if (way == "own at once") {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([] {
        trap::must(unshare(CLONE_FS) == 0, "unshare");
        for (int round = 0; round < 20; ++round) there_and_back();
      });
    for (std::thread& thread : threads) thread.join();
  }
  if (way == "child")
    std::thread([] {
      const pid_t child = fork();
      if (child == 0) {
        there_and_back();
        _exit(0);
      }
      int status = 0;
      trap::must(waitpid(child, &status, 0) == child && status == 0, "the child");
    }).join();
}
