#include <behalf/tbb.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "queues/parts.h"
#include "row.h"
#include "threads/caller.h"

BEHALF_ROW(R"(
title:  tbb::parallel_for, oneTBB warmed up
works:  none
hop:    queue
clock:  creator
wrong:  behalf::tbb::warm_up() has started oneTBB's workers as the service: a part of each loop runs as the service, and
        none as the user before
cure:   wear the caller in each part; or behalf::tbb::Arenas, whose workers wear it while they are inside
needs:  tbb behalf::tbb
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

template <class Part>
static void run_in_arena(const Part& part) {
  tbb::task_arena arena(2);
  arena.execute([&] { tbb::parallel_for(std::size_t{0}, std::size_t{2}, part); });
}

extern "C" void before() {
  // Workers are allowed on a machine with one processor too.
  static const tbb::global_control four_threads(tbb::global_control::max_allowed_parallelism, 4);
  behalf::tbb::warm_up();
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  behalf_row::Parts parts(2);
  run_in_arena([&](std::size_t part) { parts.run(part); });
  parts.print();
  return 0;
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  behalf_row::Parts parts(2);
  run_in_arena([&](std::size_t part) { caller.runs([&] { parts.run(part); }); });
  parts.print();
  return 0;
}
