// A connection to a bus that belongs to one identity, with the thread that waits for what arrives at it.
//
// The loop is sdbus-c++'s own: with a loop of another's, sdbus-c++ 1 makes each call with the connection locked until
// its answer is there, so that calls of one identity would wait for one another, and cannot tell that loop of a call
// whose time is over earlier. And it is a thread for each connection, not one for all: what arrives is handled in it,
// and a slow handler of one user, or one that waits for another's answer, must not hold up the answers to all others.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <atomic>
#include <memory>
#include <string>

#include "behalf/thread.h"

namespace behalf::detail {

class BusConnection {
 public:
  // Called as the identity, which the bus knows it by from then on; its thread is the service. Throws sdbus::Error.
  explicit BusConnection(const std::string& address);
  ~BusConnection();
  BusConnection(const BusConnection&) = delete;
  BusConnection& operator=(const BusConnection&) = delete;

  [[nodiscard]] sdbus::IConnection& get() noexcept { return *connection_; }
  // False: the bus has hung up.
  [[nodiscard]] bool is_there() const noexcept { return !over_; }
  // Whether the calling thread is its own, which cannot end it.
  [[nodiscard]] bool handles_here() const noexcept { return handles_.get_id() == std::this_thread::get_id(); }

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  std::atomic<bool> over_ = false;
  thread handles_;
};

}  // namespace behalf::detail
