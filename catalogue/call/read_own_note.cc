#include "row.h"

BEHALF_ROW(R"(
title:  open(2) and read a private file
works:  files effective full shielded
hop:    call
wrong:  nothing: the kernel judges the file system ids of the thread that opens
cure:   none needed
source: path_resolution(7)
)")

extern "C" int operation() {
  behalf_row::print_whose_notes_open();
  return 0;
}
