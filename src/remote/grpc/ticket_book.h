// The tickets that are good: whose each is, and until when.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "behalf/sender.h"

namespace behalf::detail {

class TicketBook {
 public:
  using Clock = std::chrono::steady_clock;

  TicketBook(std::size_t at_most, std::size_t at_most_of_one) : at_most_(at_most), at_most_of_one_(at_most_of_one) {}

  // A new ticket: "NUMBER.SECRET", both random, in hexadecimal. Nothing where the one who asks, or all, have as many as
  // they may. Throws Error of reason platform where there is no randomness.
  std::optional<std::string> issue(const Sender& whose, uid_t asks, std::chrono::seconds good_for);
  // Whose it is; nothing where it is none, or not good any more. How long that takes says nothing of the secret.
  std::optional<Sender> whose(std::string_view ticket);
  void revoke(std::string_view ticket);
  std::size_t count() const;

 private:
  struct Ticket {
    std::string secret;
    Sender whose;
    uid_t asked;
    Clock::time_point until;
  };
  using Tickets = std::unordered_map<std::string, Ticket>;
  void take_out(Tickets::iterator ticket);
  void drop_expired(Clock::time_point now);

  const std::size_t at_most_;
  const std::size_t at_most_of_one_;
  mutable std::mutex mutex_;
  Tickets tickets_;  // by their number
  std::map<uid_t, std::size_t> of_one_;
};

}  // namespace behalf::detail
