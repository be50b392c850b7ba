#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "row.h"
#include "threads/caller.h"

BEHALF_ROW(R"(
title:  std::thread, detached, that stays
works:  none
hop:    thread
clock:  creator
wrong:  a new thread is a copy of its creator and has no link to it afterwards: the caller reverts, and the thread wears
        the user for as long as it lives
cure:   start the thread as the service and wear the caller in it for the work alone (behalf::thread does both)
source: clone(2), credentials(7)
)")

// Does the work in a new thread, which then waits for more that never comes. Returns when the work is done.
static void start_helper(const std::function<void()>& work) {
  const auto done = std::make_shared<std::promise<void>>();
  std::thread([&work, done] {
    work();
    done->set_value();
    std::promise<void>().get_future().wait();
  }).detach();
  done->get_future().wait();
}

extern "C" int operation() {
  start_helper(behalf_row::print_whose_notes_open);
  return 0;
}

extern "C" int cured() {
  const behalf_row::Caller caller;
  caller.lets_service_run([&] { start_helper([&] { caller.runs(behalf_row::print_whose_notes_open); }); });
  return 0;
}
