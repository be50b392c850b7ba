// Execs with ids that differ: the new program has others than the thread that called.
#include "trap.h"

int main(int, char** argv) {
  trap::must(syscall(SYS_setresuid, 3001, 3002, 0) == 0, "setresuid");
  char* none[] = {argv[0], nullptr};
  execv("/trap/no-such-program", none);
  char* words[] = {argv[1], nullptr};
  execv(argv[1], words);
  _exit(1);
}
