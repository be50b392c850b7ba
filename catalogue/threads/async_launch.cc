#include <future>

#include "row.h"

BEHALF_ROW(R"(
title:  std::async, std::launch::async
works:  files effective full shielded
hop:    thread
wrong:  nothing with libstdc++, which makes a new thread for each; a library that keeps a pool for it would lose the
        caller
cure:   none needed; behalf::run_as where it must hold with every library
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

extern "C" int operation() {
  std::async(std::launch::async, behalf_row::print_whose_notes_open).get();
  return 0;
}
