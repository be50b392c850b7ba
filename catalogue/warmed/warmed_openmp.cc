#include <behalf/warm_up.h>

#include "queues/parts.h"
#include "row.h"
#include "threads/caller.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  an OpenMP region of a worker that was warmed up
works:  none
hop:    queue
clock:  creator
wrong:  the worker began a region before its first user, so its team is the service: a part of each region runs as the
        service, and none as the user before
cure:   wear the caller inside of the region (the OpenMP adapter of behalf)
needs:  openmp
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
  worker->run([] { behalf::warm_up(); });
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  const behalf_row::Caller caller;
  behalf_row::Parts parts(2);
  worker->run([&] {
    caller.runs([&] {
#pragma omp parallel for num_threads(2) schedule(static, 1)
      for (std::size_t part = 0; part < 2; ++part) parts.run(part);
    });
  });
  parts.print();
  return 0;
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Parts parts(2);
  worker->run([&] {
#pragma omp parallel for num_threads(2) schedule(static, 1)
    for (std::size_t part = 0; part < 2; ++part) caller.runs([&] { parts.run(part); });
  });
  parts.print();
  return 0;
}
