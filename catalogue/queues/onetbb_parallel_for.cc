#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <functional>

#include "queues/parts.h"
#include "row.h"
#include "threads/caller.h"

BEHALF_ROW(R"(
title:  tbb::parallel_for in an arena
works:  none
hop:    queue
clock:  first-caller
wrong:  oneTBB's workers are copies of whoever made it start them and are kept for all arenas: a part of each loop runs
        as the first user, or as the service
cure:   begin the loop as the service and wear the caller inside (the oneTBB adapter of behalf: an arena per identity)
needs:  tbb
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

// oneTBB loads parts of itself at its first loop, as whoever calls.
extern "C" void before_cured() {
  set_parallelism();
  run_in_arena([](std::size_t) {});
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
  caller.lets_service_run([&] { run_in_arena([&](std::size_t part) { caller.runs([&] { parts.run(part); }); }); });
  parts.print();
  return 0;
}
