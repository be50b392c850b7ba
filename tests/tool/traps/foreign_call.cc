// Makes a call through a door that is not the native one: 32 bit, or x32.
#include "trap.h"

int main(int, char** argv) {
  long result = 0;
#if defined(__x86_64__)
  if (std::strcmp(argv[1], "i386") == 0)
    asm volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");  // getpid
  else
    result = syscall(0x40000000 + 39);
#endif
  trap::say("%s\n", result == getpid() ? "answered" : "refused");
}
