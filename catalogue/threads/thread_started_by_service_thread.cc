#include <thread>

#include "row.h"
#include "threads/caller.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  a thread started by another thread
works:  none
hop:    queue
clock:  creator
wrong:  a new thread is a copy of the thread that starts it, which is not the one that asked for it
cure:   behalf::thread takes the identity as a value, whoever starts it; or behalf::bind
source: clone(2)
)")

static behalf_row::Workers* starter;

extern "C" void before() {
  starter = new behalf_row::Workers(1);
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  std::thread worker;
  starter->run([&] { worker = std::thread(behalf_row::print_whose_notes_open); });
  worker.join();
  return 0;
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  std::thread worker;
  starter->run([&] { worker = std::thread([&] { caller.runs(behalf_row::print_whose_notes_open); }); });
  worker.join();
  return 0;
}
