#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  mergerfs: readdir in a pool's thread
works:  none
hop:    queue
clock:  creator
wrong:  the thread that took the request changed its ids, and read through a pool whose threads nobody had told: the
        service listed what it may read itself
cure:   the ids go along with the work, and the pool's thread takes them on: mergerfs_readdir_fixed
source: github.com/trapexit/mergerfs, commit e586d2fd
)")

static behalf_row::Workers* readers;

extern "C" void before() {
  readers = new behalf_row::Workers(2);
}

extern "C" int operation() {
  readers->run(behalf_row::print_whose_notes_open);
  return 0;
}
