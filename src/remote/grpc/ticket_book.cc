#include "remote/grpc/ticket_book.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "behalf/error.h"
#include "identity/errors.h"
#include "transfer/later.h"

namespace behalf::detail {

namespace {

constexpr std::size_t bytes_of_number = 16;
constexpr std::size_t bytes_of_secret = 32;

template <std::size_t size>
std::string random_words() {
  std::array<std::uint8_t, size> bytes{};
  if (::getrandom(bytes.data(), size, 0) != static_cast<ssize_t>(size)) {
    throw Error(Error::Reason::platform, "behalf: make a ticket: getrandom: " + error_words(errno), errno);
  }
  std::string words;
  for (const std::uint8_t byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    words += digits[byte >> 4];
    words += digits[byte & 15];
  }
  return words;
}

// In a time that depends on their length alone.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

std::string number_of(std::string_view ticket) {
  return std::string(ticket.substr(0, ticket.find('.')));
}

}  // namespace

std::optional<std::string> TicketBook::issue(const Sender& whose, uid_t asks, std::chrono::seconds good_for) {
  std::string number = random_words<bytes_of_number>();
  std::string secret = random_words<bytes_of_secret>();
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  const auto full = [&] {
    const auto own = of_one_.find(asks);
    return tickets_.size() >= at_most_ || (own != of_one_.end() && own->second >= at_most_of_one_);
  };
  if (full()) drop_expired(now);
  if (full()) return std::nullopt;
  std::string ticket = number + '.' + secret;
  tickets_.emplace(std::move(number), Ticket{std::move(secret), whose, asks, later(now, good_for)});
  ++of_one_[asks];
  return ticket;
}

std::optional<Sender> TicketBook::whose(std::string_view ticket) {
  const std::string number = number_of(ticket);
  const std::string_view secret = ticket.substr(std::min(ticket.size(), number.size() + 1));
  const std::lock_guard lock(mutex_);
  const auto found = tickets_.find(number);
  if (found == tickets_.end() || !same_secret(found->second.secret, secret)) return std::nullopt;
  if (Clock::now() < found->second.until) return found->second.whose;
  take_out(found);
  return std::nullopt;
}

void TicketBook::revoke(std::string_view ticket) {
  const std::lock_guard lock(mutex_);
  if (const auto found = tickets_.find(number_of(ticket)); found != tickets_.end()) take_out(found);
}

std::size_t TicketBook::count() const {
  const std::lock_guard lock(mutex_);
  return tickets_.size();
}

void TicketBook::take_out(Tickets::iterator ticket) {
  const auto own = of_one_.find(ticket->second.asked);
  if (--own->second == 0) of_one_.erase(own);
  tickets_.erase(ticket);
}

void TicketBook::drop_expired(Clock::time_point now) {
  for (auto at = tickets_.begin(); at != tickets_.end();) {
    const auto here = at++;
    if (here->second.until <= now) take_out(here);
  }
}

}  // namespace behalf::detail
