// The service's own tickets, got from its keys; anew when they are about to expire.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "remote/kerberos/ticket_cache.h"

namespace behalf::detail {

class OwnTickets {
 public:
  // The service as "SERVICE@HOST".
  OwnTickets(std::string keytab, std::string service) : keytab_(std::move(keytab)), service_(std::move(service)) {}

  using Place = std::shared_ptr<const TicketCache>;

  // Where they are, which is there as long as somebody has it. They are forwardable, whatever krb5.conf says: what the
  // realm gives on them for somebody else is not otherwise. `attempted` begins the line of the Error, of reason
  // not_there. Thread-safe: one caller asks the realm, and the others wait for its answer only where there are none
  // that are still good.
  Place get(const std::string& attempted);

 private:
  using Clock = std::chrono::system_clock;
  // Under the lock.
  [[nodiscard]] bool are_good_for(std::chrono::seconds time) const {
    return place_ != nullptr && Clock::now() + time < until_;
  }
  void renew(std::promise<Place>& told) noexcept;

  const std::string keytab_;
  const std::string service_;
  std::mutex mutex_;  // over what follows
  Place place_;
  Clock::time_point until_;
  std::shared_future<Place> renewal_;  // that somebody is at
};

}  // namespace behalf::detail
