#include <behalf/asio.h>

#include <boost/asio/post.hpp>

#include "asio/loop.h"
#include "row.h"

BEHALF_ROW(R"(
title:  boost::asio::post to an io_context
works:  none
hop:    queue
clock:  creator
wrong:  the handler runs as whoever runs the loop: the service reads for every user
cure:   behalf::asio::as: an executor on which handlers run as whoever posts them
needs:  behalf::asio
source: boost.org/doc/libs/1_81_0/doc/html/boost_asio/reference/post.html
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
  behalf_row::until_done([&](auto done) {
    boost::asio::post(executor, [done] {
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
