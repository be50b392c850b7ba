#include <behalf/asio.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  boost::asio::thread_pool
works:  none
hop:    queue
clock:  creator
wrong:  the pool's threads are copies of whoever made it: the service reads for every user
cure:   behalf::asio::as: an executor of the same pool, on which work runs as whoever posts it
needs:  behalf::asio
source: boost.org/doc/libs/1_81_0/doc/html/boost_asio/reference/thread_pool.html
)")

static boost::asio::thread_pool* pool;

extern "C" void before() {
  pool = new boost::asio::thread_pool(4);
}
extern "C" void before_cured() {
  before();
}

template <class Executor>
static int read_in_parts_on(const Executor& executor) {
  behalf_row::Parts parts(2);
  for (std::size_t part : {0U, 1U}) boost::asio::post(executor, [&parts, part] { parts.run(part); });
  parts.print();
  return 0;
}

extern "C" int operation() {
  return read_in_parts_on(pool->get_executor());
}

extern "C" int cured() {
  return read_in_parts_on(behalf::asio::as(*pool));
}
