#include <behalf/openmp.h>

#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  an OpenMP parallel region
works:  none
hop:    queue
clock:  first-caller
wrong:  the team's threads are copies of the caller of the first region and are kept for the next ones: a part of each
        region runs as the first user, or as the service
cure:   behalf::openmp::parallel_for, which begins the region as the service and wears the caller in each thread; with
        LLVM's runtime behalf::ompt, which does so for plain OpenMP
needs:  openmp behalf::openmp
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
  behalf_row::Parts parts(3);
  behalf::openmp::parallel_for(
      std::size_t{0}, std::size_t{3}, [&](std::size_t part) { parts.run(part); }, 3);
  parts.print();
  return 0;
}
