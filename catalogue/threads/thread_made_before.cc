#include <behalf/bind.h>

#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  work for a thread made at start-up
works:  none
hop:    queue
clock:  creator
wrong:  identity belongs to a thread and does not go with the work: the thread is the service, for whomever it works
cure:   behalf::bind, which captures the caller where the work is handed over and wears it where it runs
source: credentials(7)
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  worker->run(behalf_row::print_whose_notes_open);
  return 0;
}

extern "C" int cured() {
  auto work = behalf::bind(behalf_row::print_whose_notes_open);
  worker->run([&] { work(); });
  return 0;
}
