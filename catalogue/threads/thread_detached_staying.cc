#include <behalf/bind.h>
#include <behalf/thread.h>

#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "row.h"

BEHALF_ROW(R"(
title:  std::thread, detached, that stays
works:  none
hop:    thread
clock:  creator
wrong:  a new thread is a copy of its creator and has no link to it afterwards: the caller reverts, and the thread wears
        the user for as long as it lives
cure:   behalf::thread with behalf::as_service starts it as the service, and behalf::bind wears the caller for the work
        alone
source: clone(2), credentials(7)
)")

// Does the work in a thread that `start` starts, which then waits for more that never comes. Returns when the work is
// done.
static void with_helper(const std::function<void(std::function<void()>)>& start, const std::function<void()>& work) {
  const auto done = std::make_shared<std::promise<void>>();
  start([&work, done] {
    work();
    done->set_value();
    std::promise<void>().get_future().wait();
  });
  done->get_future().wait();
}

extern "C" int operation() {
  with_helper([](auto life) { std::thread(life).detach(); }, behalf_row::print_whose_notes_open);
  return 0;
}

extern "C" int cured() {
  auto work = behalf::bind(behalf_row::print_whose_notes_open);
  with_helper([](auto life) { behalf::thread(behalf::as_service, life).detach(); }, [&] { work(); });
  return 0;
}
