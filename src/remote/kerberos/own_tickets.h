// The service's own tickets, got from its keys; anew when they are about to expire.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "remote/kerberos/ticket_cache.h"

namespace behalf::detail {

class OwnTickets {
 public:
  // The service as "SERVICE@HOST".
  OwnTickets(std::string keytab, std::string service) : keytab_(std::move(keytab)), service_(std::move(service)) {}

  // Where they are, which is there as long as somebody has it. They are forwardable, whatever krb5.conf says: what the
  // realm gives on them for somebody else is not otherwise. `attempted` begins the line of the Error, of reason
  // not_there. Thread-safe.
  std::shared_ptr<const TicketCache> get(const std::string& attempted);

 private:
  using Clock = std::chrono::system_clock;

  const std::string keytab_;
  const std::string service_;
  std::mutex mutex_;  // over what follows
  std::shared_ptr<const TicketCache> cache_;
  Clock::time_point until_;
};

}  // namespace behalf::detail
