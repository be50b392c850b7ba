// The connections of one identity that nobody uses just now.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>

namespace behalf::detail {

// Destroyed as the identity (per_identity sees to that), and with it whatever is still kept.
class IdleConnections {
 public:
  using Clock = std::chrono::steady_clock;

  IdleConnections() = default;
  IdleConnections(const IdleConnections&) = delete;
  IdleConnections& operator=(const IdleConnections&) = delete;
  ~IdleConnections();

  // The one that was used last and is still there; null where there is none. Those that have been idle for longer than
  // that, whose server has hung up, or that were not put right by what was sent to them last, are closed. Called as the
  // identity where something may be closed.
  PGconn* take(Clock::duration idle_for);
  // Null where it is kept; where there is no room, the connection itself, to be closed.
  PGconn* keep(PGconn* connection, std::size_t at_most);
  // Closes what has been idle for longer than that.
  void tidy(Clock::duration idle_for);

 private:
  struct Idle {
    PGconn* connection;
    Clock::time_point since;
  };
  std::mutex mutex_;
  std::deque<Idle> idle_;  // the one used last at the end
};

}  // namespace behalf::detail
