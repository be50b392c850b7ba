#include <behalf/asio.h>
#include <behalf/impersonation.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <optional>

#include "asio/loop.h"
#include "row.h"

BEHALF_ROW(R"(
title:  a guard held across co_await
works:  none
hop:    queue
clock:  submit
wrong:  the guard belongs to the thread, and the coroutine leaves it there when it waits: the loop goes on, for
        everybody, as this user
cure:   no guard in the coroutine: co_spawn it on behalf::asio::as
needs:  behalf::asio
source: boost.org/doc/libs/1_81_0/doc/html/boost_asio/overview/composition/cpp20_coroutines.html
)")

static behalf_row::Loop* loop;

extern "C" void before() {
  loop = new behalf_row::Loop;
}
extern "C" void before_cured() {
  before();
}

// Waits for the user's next request, which does not come.
static boost::asio::awaitable<void> next_request() {
  boost::asio::steady_timer never(co_await boost::asio::this_coro::executor,
                                  std::chrono::steady_clock::time_point::max());
  co_await never.async_wait(boost::asio::use_awaitable);
}

template <class Done>
static boost::asio::awaitable<void> serve_with_guard(std::optional<behalf::Token> user, Done done) {
  std::optional<behalf::Impersonation> as;
  if (user) as.emplace(*user);
  behalf_row::print_whose_notes_open();
  done();
  co_await next_request();
}

template <class Done>
static boost::asio::awaitable<void> serve(Done done) {
  behalf_row::print_whose_notes_open();
  done();
  co_await next_request();
}

extern "C" int operation() {
  behalf_row::until_done([](auto done) {
    boost::asio::co_spawn(loop->io(), serve_with_guard(behalf::worn(), done), boost::asio::detached);
  });
  return 0;
}

extern "C" int cured() {
  behalf_row::until_done(
      [](auto done) { boost::asio::co_spawn(behalf::asio::as(loop->io()), serve(done), boost::asio::detached); });
  return 0;
}
