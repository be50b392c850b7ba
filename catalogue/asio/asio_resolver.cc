#include <behalf/asio.h>

#include <boost/asio/ip/tcp.hpp>

#include "asio/loop.h"
#include "row.h"

BEHALF_ROW(R"(
title:  ip::tcp::resolver, async_resolve
works:  none
hop:    queue
clock:  creator
wrong:  the first look-up starts a helper thread, which stays whoever asked first; and the handler runs as whoever runs
        the loop
cure:   behalf::asio::warm_up at start-up, which starts the helper as the service; and a resolver on behalf::asio::as
needs:  behalf::asio
source: boost.org/doc/libs/1_81_0/doc/html/boost_asio/overview/implementation.html
)")

static behalf_row::Loop* loop;

extern "C" void before() {
  loop = new behalf_row::Loop;
}
extern "C" void before_cured() {
  before();
  behalf::asio::warm_up(loop->io());
}

template <class Executor>
static int read_notes_on(const Executor& executor) {
  boost::asio::ip::basic_resolver<boost::asio::ip::tcp, Executor> resolver(executor);
  const auto no_look_up =
      boost::asio::ip::resolver_base::numeric_host | boost::asio::ip::resolver_base::numeric_service;
  behalf_row::until_done([&](auto done) {
    resolver.async_resolve("127.0.0.1", "1", no_look_up, [done](const auto&...) {
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
