// An io_context that a thread of the service runs, made at start-up; and how a row waits for what it has begun there.
//
//     static behalf_row::Loop* loop;
//     extern "C" void before() { loop = new behalf_row::Loop; }
//     …
//     behalf_row::until_done([](auto done) {
//       boost::asio::post(loop->io(), [done] {
//         behalf_row::print_whose_notes_open();
//         done();
//       });
//     });
//
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <memory>
#include <thread>

#include "row.h"

namespace behalf_row {

// Lives as long as the process: its thread is never joined.
class Loop {
 public:
  Loop() : stays_(boost::asio::make_work_guard(io_)) {
    std::thread([this] { io_.run(); }).detach();
  }

  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> stays_;
};

// begin(done) sees to it that done() is called; it may be copied. Returns when it was.
template <class Begin>
void until_done(Begin begin) {
  const auto promise = std::make_shared<std::promise<void>>();
  auto future = promise->get_future();
  begin([promise] { promise->set_value(); });
  future.wait();
}

}  // namespace behalf_row
