// Acts in a function with a name, in the main thread and in another.
#include <pthread.h>

#include "trap.h"

[[gnu::noinline]] int the_function_that_acts(const char* path) {
  const int result = trap::look(path);
  asm volatile("" ::: "memory");
  return result;
}
[[gnu::noinline]] int the_caller_of_it(const char* path) {
  return the_function_that_acts(path) + 1;
}

void* the_thread_body(void*) {
  the_caller_of_it("/trap/in-thread");
  return nullptr;
}
[[gnu::noinline]] void the_maker_of_threads() {
  pthread_t thread{};
  pthread_create(&thread, nullptr, the_thread_body, nullptr);
  pthread_join(thread, nullptr);
}

int main() {
  const int result = the_caller_of_it("/trap/in-main");
  the_maker_of_threads();
  return result > 1000 ? 1 : 0;
}
