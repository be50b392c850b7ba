#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  mergerfs: readdir, ids go along
works:  files effective full shielded
hop:    queue
wrong:  nothing: the client's ids are part of the work, and worn where it runs
cure:   none needed; behalf::ThreadPool does so for all work
source: github.com/trapexit/mergerfs, commit e586d2fd
)")

static behalf_row::Workers* readers;

extern "C" void before() {
  readers = new behalf_row::Workers(2);
}

extern "C" int operation() {
  const behalf_row::Client client;
  readers->run([&] {
    const behalf_row::WorksFor as(client);
    behalf_row::print_whose_notes_open();
  });
  return 0;
}
