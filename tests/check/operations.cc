// Operations for the matcher's test, in a shared object of their own. They run on the stage, and are never sanitized.
#include <behalf/operation.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

BEHALF_OPERATION(answers_the_same) {
  return 5;
}

BEHALF_OPERATION(says_home) {
  std::puts(std::getenv("HOME"));
  return 0;
}

BEHALF_OPERATION(answers_differently) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int>(now.tv_nsec);
}
