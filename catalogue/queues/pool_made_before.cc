#include <behalf/thread_pool.h>

#include "queues/parts.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  a thread pool made at start-up
works:  none
hop:    queue
clock:  creator
wrong:  the workers are copies of the thread that made the pool: the service reads and writes for every user
cure:   behalf::ThreadPool, whose submit carries the submitter's identity; behalf::bind for a pool of one's own
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static behalf_row::Workers* pool;

extern "C" void before() {
  pool = new behalf_row::Workers(4);
}

static behalf::ThreadPool* cured_pool;

extern "C" void before_cured() {
  cured_pool = new behalf::ThreadPool({.threads = 4});
}

extern "C" int operation() {
  behalf_row::Parts parts(2);
  for (std::size_t part : {0U, 1U}) pool->post([&parts, part] { parts.run(part); });
  parts.print();
  return 0;
}

extern "C" int cured() {
  behalf_row::Parts parts(2);
  for (std::size_t part : {0U, 1U}) cured_pool->submit([&parts, part] { parts.run(part); });
  parts.print();
  return 0;
}
