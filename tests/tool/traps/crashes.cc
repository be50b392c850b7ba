// A thread crashes in a function with a name.
#include <csignal>
#include <thread>

#include "trap.h"

[[gnu::noinline]] void the_function_that_crashes() {
  raise(SIGSEGV);
  asm volatile("" ::: "memory");
}

int main() {
  std::thread(the_function_that_crashes).join();
}
