#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  mergerfs: a guard that gives back
works:  files effective full shielded
hop:    queue
wrong:  nothing: the destructor gives the thread back as it was
cure:   none needed; behalf::Impersonation, which also reads back that it is so
source: github.com/trapexit/mergerfs, ugid_mutex.hpp of 2014
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    const behalf_row::WorksFor guard(client);
    behalf_row::print_whose_notes_open();
  });
  return 0;
}
