// A whole program on Boost.Asio, every handler of which runs, and is destroyed, as whoever started its operation; no
// line of it says so. Not to be included: Asio takes it in, in every translation unit, where it is told to, and
//
//   target_link_libraries(server PRIVATE behalf::asio_tracking)      # defines BOOST_ASIO_CUSTOM_HANDLER_TRACKING
//
// tells it. All that shares Asio's objects must be compiled so, libraries too: with and without, they are laid out
// differently.
//
//   behalf::Impersonation as{alice};
//   socket.async_read_some(buffer, [](auto...) { append_to_her_log(); });         // as alice, on whatever thread
//   boost::asio::co_spawn(io, serve(), boost::asio::detached);                    // as alice, to the end of it
//   { behalf::AsService self; boost::asio::post(io, rotate_the_log); }            // as the service
//
// What is captured is what the thread wears when an operation is started; it is worn from before the handler is moved
// out of the operation until it has been destroyed, also where the operation ends with its context. It concerns all
// executors of Asio's, and sits well with as(), which says it for one executor and not for a program.
//
// It reaches what Asio makes an operation of. A function that keeps a handler and calls it by itself calls it as
// whoever is worn then. An Impersonation open across co_await ends the process, as with as(): what a coroutine is, it
// is to be from co_spawn on.
//
// Where the identity of a handler cannot be taken the process ends: the handler would otherwise be destroyed as the
// service. So does a handler of a user in the `full` posture on the main thread: run the io_context on another.
//
// Cost: 24 octets an operation, and no system call when one is started; at its end an Impersonation, none where the
// thread wears it anyway. Rests on: Asio's "Handler Tracking", "Custom handler tracking" (macros of 1.81).
#pragma once

#include <cstdint>
#include <optional>

#include "behalf/carried.h"

namespace boost::asio {
class execution_context;
}

namespace behalf::asio::tracking {

class Completion;

// The base of Asio's operations.
class Tracked {
 protected:
  Tracked() = default;
  ~Tracked() = default;

 private:
  friend class Completion;
  friend void created(boost::asio::execution_context&, Tracked& operation, const char*, void*, std::uintmax_t,
                      const char*);

  std::optional<Carried> starter_;
};
static_assert(sizeof(Tracked) == 24);

inline void created(boost::asio::execution_context&, Tracked& operation, const char*, void*, std::uintmax_t,
                    const char*) {
  operation.starter_.emplace();
}

// Around what becomes of an operation in the end.
class Completion {
 public:
  explicit Completion(const Tracked& operation) noexcept {
    if (operation.starter_) worn_.emplace(*operation.starter_);
  }

 private:
  std::optional<Carried::WornOrEnd> worn_;
};

}  // namespace behalf::asio::tracking

#define BOOST_ASIO_INHERIT_TRACKED_HANDLER : public behalf::asio::tracking::Tracked
#define BOOST_ASIO_ALSO_INHERIT_TRACKED_HANDLER , public behalf::asio::tracking::Tracked
#define BOOST_ASIO_HANDLER_CREATION(args) behalf::asio::tracking::created args
#define BOOST_ASIO_HANDLER_COMPLETION(args) const behalf::asio::tracking::Completion tracked_completion args
#define BOOST_ASIO_HANDLER_INVOCATION_BEGIN(args) (void)0
#define BOOST_ASIO_HANDLER_INVOCATION_END (void)0

// What Asio would have noted down besides.
#define BOOST_ASIO_HANDLER_TRACKING_INIT (void)0
#define BOOST_ASIO_HANDLER_LOCATION(args) (void)0
#define BOOST_ASIO_HANDLER_OPERATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_REGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_DEREGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_READ_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_WRITE_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_ERROR_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_EVENTS(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_OPERATION(args) (void)0
