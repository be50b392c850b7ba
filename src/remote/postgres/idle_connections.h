// The connections of one identity that nobody uses just now.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "behalf/carried.h"

namespace behalf::detail {

class IdleConnections;

// Those of a pool that have some, to be looked at from time to time. Thread-safe. It outlives them, and does not keep
// them: with an identity goes what it came with (tickets).
class AllIdle {
 public:
  void add(const std::shared_ptr<IdleConnections>& one);
  void remove(const IdleConnections& one) noexcept;
  [[nodiscard]] std::vector<std::shared_ptr<IdleConnections>> now();

 private:
  std::mutex mutex_;
  std::unordered_map<const IdleConnections*, std::weak_ptr<IdleConnections>> all_;
};

// Destroyed as the identity (per_identity sees to that), and with it whatever is still kept.
class IdleConnections {
 public:
  using Clock = std::chrono::steady_clock;

  explicit IdleConnections(AllIdle& all) noexcept : all_(all) {}
  IdleConnections(const IdleConnections&) = delete;
  IdleConnections& operator=(const IdleConnections&) = delete;
  ~IdleConnections();

  // The one that was used last and is still there; null where there is none. Those that have been idle for longer than
  // that, whose server has hung up, or that were not put right by what was sent to them last, are closed. Called as the
  // identity where something may be closed.
  PGconn* take(Clock::duration idle_for);
  // Null where it is kept; where there is no room, the connection itself, to be closed.
  PGconn* keep(PGconn* connection, const Carried& whose, std::size_t at_most);
  // Closes what has been idle for longer than that, as above.
  void tidy(Clock::duration idle_for);
  // Whose they are; nothing where there are none.
  [[nodiscard]] std::optional<Carried> identity() const;

 private:
  struct Idle {
    PGconn* connection;
    Carried whose;
    Clock::time_point since;
  };
  AllIdle& all_;
  mutable std::mutex mutex_;
  std::deque<Idle> idle_;  // the one used last at the end
};

}  // namespace behalf::detail
