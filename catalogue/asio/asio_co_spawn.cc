#include <behalf/asio.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "asio/loop.h"
#include "row.h"

BEHALF_ROW(R"(
title:  boost::asio::co_spawn
works:  none
hop:    coroutine
clock:  later
wrong:  the coroutine is the loop's from its first line: it runs as whoever runs that
cure:   co_spawn on behalf::asio::as: the coroutine gives the identity back at each co_await and has it again afterwards
needs:  behalf::asio
source: boost.org/doc/libs/1_81_0/doc/html/boost_asio/reference/co_spawn.html
)")

static behalf_row::Loop* loop;

extern "C" void before() {
  loop = new behalf_row::Loop;
}
extern "C" void before_cured() {
  before();
}

static boost::asio::awaitable<void> read_notes_later() {
  co_await boost::asio::post(co_await boost::asio::this_coro::executor, boost::asio::use_awaitable);
  behalf_row::print_whose_notes_open();
}

template <class Executor>
static int read_notes_on(const Executor& executor) {
  behalf_row::until_done([&](auto done) {
    boost::asio::co_spawn(executor, read_notes_later(), [done](const std::exception_ptr&) { done(); });
  });
  return 0;
}

extern "C" int operation() {
  return read_notes_on(loop->io().get_executor());
}

extern "C" int cured() {
  return read_notes_on(behalf::asio::as(loop->io()));
}
