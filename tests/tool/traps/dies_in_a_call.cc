// A thread sits in an openat that cannot end, of a queue that nobody writes to, when its process ends.
#include <sys/stat.h>

#include <thread>

#include "trap.h"

int main(int, char** argv) {
  trap::must(mkfifo(argv[1], 0600) == 0, argv[1]);
  std::thread([&] { (void)!open(argv[1], O_RDONLY | O_CLOEXEC); }).detach();
  usleep(50000);
  trap::mark(1);
  trap::act("/trap/last");
  _exit(5);
}
