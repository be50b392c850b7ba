// A connection to a bus that belongs to one identity, with the thread that handles what arrives at it.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <atomic>
#include <memory>
#include <string>

#include "behalf/thread.h"

namespace behalf::detail {

class BusConnection {
 public:
  // Called as the identity, which its thread wears from then on. Throws sdbus::Error.
  explicit BusConnection(const std::string& address);
  ~BusConnection();
  BusConnection(const BusConnection&) = delete;
  BusConnection& operator=(const BusConnection&) = delete;

  [[nodiscard]] sdbus::IConnection& get() noexcept { return *connection_; }
  // False: the bus has hung up.
  [[nodiscard]] bool is_there() const noexcept { return !over_; }

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  std::atomic<bool> over_ = false;
  thread handles_;
};

}  // namespace behalf::detail
