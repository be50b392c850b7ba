#include <spawn.h>

#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  the environment of a child
works:  none
hop:    environment
clock:  process
wrong:  the child is given the service's environment: it reads the service's settings, and is told the service's secrets
cure:   behalf::spawn or behalf::system, whose child has behalf::environment(), which is made anew from the token
source: environ(7)
)")

// A program that prints its HOME, and nothing that depends on who it runs as.
static char* const print_home[] = {const_cast<char*>("/usr/bin/printenv"), const_cast<char*>("HOME"), nullptr};

extern "C" int operation() {
  pid_t child = 0;
  if (const int failed = posix_spawn(&child, print_home[0], nullptr, nullptr, print_home, environ)) return failed;
  return behalf_row::wait_for(child);
}

extern "C" int cured() {
  return behalf_row::run_as_caller({"/usr/bin/printenv", "HOME"});
}
