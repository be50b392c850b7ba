#include <behalf/bind.h>

#include <future>

#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  std::async, std::launch::deferred
works:  none
hop:    queue
clock:  creator
wrong:  a deferred function runs inside get(), in whichever thread calls it first: here one of the service's
cure:   behalf::bind at the call of std::async: the caller is captured there and worn where the function runs
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static behalf_row::Workers* collector;

extern "C" void before() {
  collector = new behalf_row::Workers(1);
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  auto result = std::async(std::launch::deferred, behalf_row::print_whose_notes_open);
  collector->run([&] { result.get(); });
  return 0;
}

extern "C" int cured() {
  auto result = std::async(std::launch::deferred, behalf::bind(behalf_row::print_whose_notes_open));
  collector->run([&] { result.get(); });
  return 0;
}
