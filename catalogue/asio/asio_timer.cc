#include <behalf/asio.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "asio/loop.h"
#include "row.h"

BEHALF_ROW(R"(
title:  boost::asio::steady_timer
works:  none
hop:    queue
clock:  creator
wrong:  the handler runs as whoever runs the loop when the time has come, whoever armed the timer
cure:   a timer on behalf::asio::as: its handlers run as whoever made it
needs:  behalf::asio
source: boost.org/doc/libs/1_81_0/doc/html/boost_asio/reference/steady_timer.html
)")

static behalf_row::Loop* loop;

extern "C" void before() {
  loop = new behalf_row::Loop;
}
extern "C" void before_cured() {
  before();
}

template <class Executor>
static int read_notes_on(const Executor& executor) {
  boost::asio::steady_timer timer(executor, std::chrono::milliseconds(1));
  behalf_row::until_done([&](auto done) {
    timer.async_wait([done](const boost::system::error_code&) {
      behalf_row::print_whose_notes_open();
      done();
    });
  });
  return 0;
}

extern "C" int operation() {
  return read_notes_on(loop->io().get_executor());
}

extern "C" int cured() {
  return read_notes_on(behalf::asio::as(loop->io()));
}
