#include <behalf/tbb.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <functional>

#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  tbb::parallel_for in an arena
works:  none
hop:    queue
clock:  first-caller
wrong:  oneTBB's workers are copies of whoever made it start them and are kept for all arenas: a part of each loop runs
        as the first user, or as the service
cure:   behalf::tbb::Arenas, an arena for each identity, whose workers wear it while they are inside
needs:  tbb behalf::tbb
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

// Workers are allowed on a machine with one processor too.
static void set_parallelism() {
  static const tbb::global_control four_threads(tbb::global_control::max_allowed_parallelism, 4);
}

static void run_in_arena(const std::function<void(std::size_t)>& part) {
  tbb::task_arena arena(2);
  arena.execute([&] { tbb::parallel_for(std::size_t{0}, std::size_t{2}, part); });
}

extern "C" void before() {
  set_parallelism();
}

static behalf::tbb::Arenas* arenas;

extern "C" void before_cured() {
  set_parallelism();
  arenas = new behalf::tbb::Arenas;
}

extern "C" int operation() {
  behalf_row::Parts parts(2);
  run_in_arena([&](std::size_t part) { parts.run(part); });
  parts.print();
  return 0;
}

extern "C" int cured() {
  behalf_row::Parts parts(2);
  arenas->execute(
      [&] { tbb::parallel_for(std::size_t{0}, std::size_t{2}, [&](std::size_t part) { parts.run(part); }); });
  parts.print();
  return 0;
}
