#include <behalf/thread_pool.h>

#include "queues/parts.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  a thread pool made at its first use
works:  none
hop:    queue
clock:  first-caller
wrong:  the workers are copies of the first caller and stay so: the next user's work, and the service's own, runs as the
        first user
cure:   behalf::ThreadPool, whose workers start as the service whoever makes it; for a pool of one's own, make it under behalf::AsService and give it work by behalf::bind
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

extern "C" int operation() {
  static behalf_row::Workers* const pool = new behalf_row::Workers(4);
  behalf_row::Parts parts(2);
  for (std::size_t part : {0U, 1U}) pool->post([&parts, part] { parts.run(part); });
  parts.print();
  return 0;
}

extern "C" int cured() {
  static behalf::ThreadPool* const pool = new behalf::ThreadPool({.threads = 4});
  behalf_row::Parts parts(2);
  for (std::size_t part : {0U, 1U}) pool->submit([&parts, part] { parts.run(part); });
  parts.print();
  return 0;
}
