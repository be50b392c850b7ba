// Writes to its output by write and by writev, from two threads, and to another descriptor.
#include <sys/uio.h>

#include <thread>

#include "trap.h"

int main() {
  trap::say("one ");
  std::thread([] {
    char two[] = "two ", three[] = "three ";
    const iovec pieces[] = {{two, 4}, {three, 6}};
    trap::must(writev(1, pieces, 2) == 10, "writev");
  }).join();
  const int other = open("/dev/null", O_WRONLY);
  trap::must(write(other, "not this", 8) == 8, "write");
  trap::say("four\n");
}
