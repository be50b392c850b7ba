#include "queues/parts.h"
#include "row.h"
#include "threads/caller.h"

BEHALF_ROW(R"(
title:  an OpenMP parallel region
works:  none
hop:    queue
clock:  first-caller
wrong:  the team's threads are copies of the caller of the first region and are kept for the next ones: a part of each
        region runs as the first user, or as the service
cure:   begin the region as the service and wear the caller inside (the OpenMP adapter of behalf)
needs:  openmp
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

extern "C" int operation() {
  behalf_row::Parts parts(3);
#pragma omp parallel for num_threads(3) schedule(static, 1)
  for (std::size_t part = 0; part < 3; ++part) parts.run(part);
  parts.print();
  return 0;
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Parts parts(3);
  caller.lets_service_run([&] {
#pragma omp parallel for num_threads(3) schedule(static, 1)
    for (std::size_t part = 0; part < 3; ++part) caller.runs([&] { parts.run(part); });
  });
  parts.print();
  return 0;
}
