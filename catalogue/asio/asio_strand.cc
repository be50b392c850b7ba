#include <behalf/asio.h>

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "asio/loop.h"
#include "row.h"

BEHALF_ROW(R"(
title:  boost::asio::strand
works:  none
hop:    queue
clock:  creator
wrong:  a strand keeps handlers apart and in order; whose they are it does not know: they run as whoever runs the loop
cure:   behalf::asio::as around the strand: several users share it, and each handler is its poster's
needs:  behalf::asio
source: boost.org/doc/libs/1_81_0/doc/html/boost_asio/overview/core/strands.html
)")

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
static Strand* strand;

extern "C" void before() {
  strand = new Strand((new behalf_row::Loop)->io().get_executor());
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
  return read_notes_on(*strand);
}

extern "C" int cured() {
  return read_notes_on(behalf::asio::as(*strand));
}
