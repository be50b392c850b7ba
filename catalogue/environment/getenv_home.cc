#include <cstdlib>

#include "environment/home_of_caller.h"
#include "row.h"

BEHALF_ROW(R"(
title:  getenv("HOME")
works:  none
hop:    environment
clock:  process
wrong:  there is one environment for all threads, and it is the service's
cure:   behalf::known_folder, or behalf::environment of the token
source: environ(7)
)")

extern "C" int operation() {
  const char* const home = std::getenv("HOME");
  std::printf("home is %s\n", home == nullptr ? "not set" : home);
  return 0;
}

extern "C" int cured() {
  std::printf("home is %s\n", behalf_row::home_of_caller().c_str());
  return 0;
}
