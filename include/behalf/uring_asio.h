// A uring::Ring in a program on Boost.Asio: driven by the io_context, awaited like any operation of Asio's.
//
//   uring::Ring ring({.driven_by = uring::Options::DrivenBy::caller});
//   uring::AsioDriver driver(ring, io);                                      // until the end of the scope
//
//   boost::asio::awaitable<void> save(uring::Ring& ring) {                   // co_spawn'ed on asio::as(alice, io)
//     auto file = co_await uring::async_submit(ring, alice, uring::open("/home/alice/x", O_RDONLY),
//                                              boost::asio::use_awaitable);
//     …                                                                      // goes on on its own executor, as alice
//
// Link both: behalf::uring and behalf::asio.
//
// Rests on: a ring's fd() becomes readable (io_uring(7), epoll(7)); Asio's async_wait() looks at it anew each time.
#pragma once

#include <fcntl.h>

#include <array>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

#include "behalf/asio.h"
#include "behalf/bind.h"
#include "behalf/uring.h"

namespace behalf::uring {

// Drives a ring that is driven by its caller, as the service, on the threads that run the context. The context has work
// to do (run() does not return) until close() or the end of the driver.
class AsioDriver {
 public:
  // Errors: as of Ring::poll(); what Asio throws where it cannot watch one more descriptor. Cost: a descriptor.
  template <behalf::asio::detail::Context C>
  AsioDriver(Ring& ring, C& context) : state_(std::make_shared<State>(ring, context)) {
    const behalf::detail::AsServiceIfAny self;
    ring.poll();  // from now on fd() tells also of what is submitted
    wait(state_);
  }
  ~AsioDriver() { close(); }
  AsioDriver(const AsioDriver&) = delete;
  AsioDriver& operator=(const AsioDriver&) = delete;

  // Effects: the ring is not driven any more, and may end, when this returns; also from what the ring tells. Errors:
  // none. Thread-safe.
  void close() noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    boost::system::error_code ignored;
    state_->ring_fd.close(ignored);
  }

 private:
  struct State {
    template <class C>
    State(Ring& driven, C& context)
        : ring(driven), ring_fd(behalf::asio::as(as_service, context), ::fcntl(driven.fd(), F_DUPFD_CLOEXEC, 0)) {}

    Ring& ring;
    std::recursive_mutex mutex;  // what the ring tells may close()
    bool closed = false;
    boost::asio::posix::stream_descriptor ring_fd;  // a copy: Asio closes it
  };

  static void wait(const std::shared_ptr<State>& state) {
    state->ring_fd.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                              [state](const boost::system::error_code& error) {
                                const std::lock_guard lock(state->mutex);
                                if (error || state->closed) return;
                                state->ring.poll();
                                if (!state->closed) wait(state);
                              });
  }

  std::shared_ptr<State> state_;
};

// Effects: as Ring::submit(), as the calling thread's identity or the one given; the token (a handler, use_awaitable,
// use_future …) is told the result, or the array of a chain's, on its executor, and by that executor's identity.
// Cancellation by Asio's slots cancels the requests; then their result is ECANCELED. Errors: those of Carried; the rest
// is in the results. Thread-safe. Cost: as Ring::submit(), and a post.
template <behalf::detail::SaysWho Who, detail::Requests R, class CompletionToken>
auto async_submit(Ring& ring, const Who& who, R&& requests, CompletionToken&& token, Place where = Place::here()) {
  constexpr std::size_t count = detail::how_many<R>;
  using Told = std::conditional_t<count == 1, Result, std::array<Result, count>>;
  const auto begin = [&ring, who = Carried(who), where](auto handler, std::remove_cvref_t<R> asked) {
    auto executor = boost::asio::get_associated_executor(handler);
    std::stop_source stop;
    if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
      slot.assign([stop](boost::asio::cancellation_type) mutable { stop.request_stop(); });
    }
    auto then = [handler = std::move(handler), executor,
                 until_then = boost::asio::make_work_guard(executor)](const Told& told) mutable {
      boost::asio::post(executor, [handler = std::move(handler), told]() mutable { std::move(handler)(told); });
    };
    ring.submit(who, std::move(asked), behalf::bind(as_service, std::move(then)), stop.get_token(), where);
  };
  return boost::asio::async_initiate<CompletionToken, void(Told)>(begin, token, std::forward<R>(requests));
}
template <detail::Requests R, class CompletionToken>
auto async_submit(Ring& ring, R&& requests, CompletionToken&& token, Place where = Place::here()) {
  return async_submit(ring, Carried(), std::forward<R>(requests), std::forward<CompletionToken>(token), where);
}

}  // namespace behalf::uring
