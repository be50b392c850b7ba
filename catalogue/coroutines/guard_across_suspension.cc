#include <behalf/task.h>

#include <future>
#include <memory>

#include "coroutines/task.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  a coroutine resumed by another thread
works:  none
hop:    coroutine
clock:  later
wrong:  identity belongs to the thread, and the coroutine goes on in another one: what follows co_await runs as the
        service
cure:   behalf::task gives back before each suspension and wears again at each resumption, on whatever thread
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

namespace {

using Done = std::shared_ptr<std::promise<void>>;

behalf_row::Workers* loop;

auto resumption_in_loop() {
  return behalf_row::SuspendTo{[](std::coroutine_handle<> suspended) { loop->post(suspended); }};
}

behalf_row::Task read_later(Done done) {
  co_await resumption_in_loop();
  behalf_row::print_whose_notes_open();
  done->set_value();
}

behalf::task<void> read_later_as_its_caller() {
  co_await resumption_in_loop();
  behalf_row::print_whose_notes_open();
}

}  // namespace

extern "C" void before() {
  loop = new behalf_row::Workers(1);
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  const auto done = std::make_shared<std::promise<void>>();
  read_later(done);
  done->get_future().wait();
  return 0;
}

extern "C" int cured() {
  behalf::sync_wait(read_later_as_its_caller());
  return 0;
}
