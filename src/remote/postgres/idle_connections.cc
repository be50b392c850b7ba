#include "remote/postgres/idle_connections.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace behalf::detail {

namespace {

// Looks for it as long as it takes to be woken, before one sleeps: the server mostly needs less for what puts a session
// right. Without sched_yield(2): where much else runs, that is to wait for all of it.
void wait_a_moment(PGconn* connection) {
  constexpr std::chrono::microseconds moment{40};
  if (PQisBusy(connection) == 0) return;
  const auto until = IdleConnections::Clock::now() + moment;
  while (PQconsumeInput(connection) != 0 && PQisBusy(connection) != 0 && IdleConnections::Clock::now() < until) {
  }
}

// What the session has been told before it was put right.
void forget_notifications(PGconn* connection) {
  while (PGnotify* const old = PQnotifies(connection)) PQfreemem(old);
}

// Waits for the answer to what was sent last, where something was. Whether all of it is well, and the session at rest.
bool has_answered_well(PGconn* connection) {
  wait_a_moment(connection);
  bool well = true;
  bool answered = false;
  while (PGresult* const result = PQgetResult(connection)) {
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    answered = true;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) return false;  // no end
    well = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;  // nothing follows what is refused
  }
  if (answered) forget_notifications(connection);
  return well && PQtransactionStatus(connection) == PQTRANS_IDLE;
}

// Whether the server has not hung up and says nothing unasked (it says so when it ends a session).
bool is_still_there(PGconn* connection) {
  char byte = 0;
  const ssize_t got = ::recv(PQsocket(connection), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

}  // namespace

void AllIdle::add(const std::shared_ptr<IdleConnections>& one) {
  const std::lock_guard lock(mutex_);
  all_.try_emplace(one.get(), one);
}

void AllIdle::remove(const IdleConnections& one) noexcept {
  const std::lock_guard lock(mutex_);
  all_.erase(&one);
}

// Without those that have none any more. What is held last is not let go under the lock: it takes that too.
std::vector<std::shared_ptr<IdleConnections>> AllIdle::now() {
  std::vector<std::shared_ptr<IdleConnections>> now;
  const std::lock_guard lock(mutex_);
  now.reserve(all_.size());
  std::erase_if(all_, [&now](const auto& each) {
    std::shared_ptr<IdleConnections> one = each.second.lock();
    if (one == nullptr) return false;
    now.push_back(std::move(one));
    return !now.back()->identity();
  });
  return now;
}

IdleConnections::~IdleConnections() {
  all_.remove(*this);
  for (const Idle& idle : idle_) PQfinish(idle.connection);
}

PGconn* IdleConnections::take(Clock::duration idle_for) {
  tidy(idle_for);
  for (;;) {
    PGconn* connection = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) return nullptr;
      connection = idle_.back().connection;
      idle_.pop_back();
    }
    if (has_answered_well(connection) && is_still_there(connection)) return connection;
    PQfinish(connection);
  }
}

PGconn* IdleConnections::keep(PGconn* connection, const Carried& whose, std::size_t at_most) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() >= at_most) return connection;
  idle_.push_back({connection, whose, Clock::now()});
  return nullptr;
}

std::optional<Carried> IdleConnections::identity() const {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::nullopt;
  return idle_.front().whose;
}

void IdleConnections::tidy(Clock::duration idle_for) {
  std::vector<PGconn*> old;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    while (!idle_.empty() && now - idle_.front().since > idle_for) {
      old.push_back(idle_.front().connection);
      idle_.pop_front();
    }
  }
  for (PGconn* connection : old) PQfinish(connection);
}

}  // namespace behalf::detail
