#include <thread>

#include "row.h"

BEHALF_ROW(R"(
title:  std::thread, joined within the call
works:  files effective full shielded
hop:    thread
wrong:  nothing: a new thread is a copy of its creator, identity included, and it is gone before the caller reverts
cure:   none needed; behalf::thread says so in its type
source: clone(2), credentials(7)
)")

extern "C" int operation() {
  std::thread([] { behalf_row::print_whose_notes_open(); }).join();
  return 0;
}
