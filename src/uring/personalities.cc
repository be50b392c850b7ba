#include "uring/personalities.h"

#include <algorithm>
#include <cerrno>

#include "behalf/error.h"
#include "behalf/run_as.h"
#include "identity/errors.h"
#include "identity/service.h"

namespace behalf::uring::detail {

namespace {

constexpr unsigned most_numbers = 65535;  // sqe->personality has 16 bits, and 0 is none

std::string whose(const TokenPtr& token) {
  return token != nullptr ? behalf::detail::describe(*token) : "the process";
}

[[noreturn]] void refuse(const TokenPtr& token, int error) {
  throw Error(error == EINVAL || error == EPERM ? Error::Reason::platform : Error::Reason::out_of_resources,
              "behalf: uring: make " + whose(token) +
                  " known to the kernel: IORING_REGISTER_PERSONALITY: " + behalf::detail::error_words(error) +
                  ". Nothing was done: a request does not run as anybody else instead",
              error);
}

// What another try may help with once others have been given up: numbers, memory, and the quota of the session
// keyrings (keyrings(7)), of which each personality holds one.
bool is_short(int error) noexcept {
  return error == ENOSPC || error == ENOMEM || error == EDQUOT;
}

}  // namespace

Personalities::Personalities(io_uring& ring, const KernelCalls& calls, unsigned at_most,
                             std::chrono::milliseconds keeps)
    : ring_(ring),
      calls_(calls),
      at_most_(std::clamp(at_most, 1U, most_numbers - 1)),
      keeps_(std::min<std::chrono::milliseconds>(keeps, std::chrono::hours{24 * 365 * 100})) {
  if (const auto* there = behalf::detail::service()) own_token_ = there->token;
  const int id = calls_.register_personality(&ring_);
  if (id < 0) refuse(own_token_, -id);
  own_ = static_cast<std::uint16_t>(id);
  made_.fetch_add(1, std::memory_order_relaxed);
}

std::optional<std::uint16_t> Personalities::id_for(const TokenPtr& token) {
  if (behalf::detail::same(token, own_token_)) return own_;
  if (const auto found = by_token_.find(token); found != by_token_.end()) {
    const auto known = found->second;
    if (known != known_.begin()) known_.splice(known_.begin(), known_, known);
    known->round = round_;
    known->used = now_;
    return known->id;
  }
  if (known_.size() >= at_most_ && !drop_oldest()) return std::nullopt;
  return made_for(token);
}

std::uint16_t Personalities::made_for(const TokenPtr& token) {
  known_.push_front({token, 0, round_, now_});
  try {
    by_token_.emplace(token, known_.begin());
    known_.front().id = static_cast<std::uint16_t>(register_as(token));
  } catch (...) {
    by_token_.erase(token);
    known_.pop_front();
    throw;
  }
  made_.fetch_add(1, std::memory_order_relaxed);
  return known_.front().id;
}

int Personalities::register_as(const TokenPtr& token) {
  for (bool room_was_made = false;; room_was_made = true) {
    try {
      // Not on this thread, which is never anybody but the service. The worker has a session keyring for the identity
      // alone, which the personality keeps.
      const int id = run_as(Token(token), [this] { return calls_.register_personality(&ring_); });
      if (id >= 0) return id;
      if (room_was_made || !is_short(-id)) refuse(token, -id);
    } catch (const Error& failed) {
      if (room_was_made || !is_short(failed.error_number())) throw;
    }
    // The one to be made is the first and stays.
    for (std::size_t left = known_.size() / 2; known_.size() > left + 1 && drop_oldest();) {
    }
  }
}

bool Personalities::drop_oldest() noexcept {
  const Known& oldest = known_.back();
  if (oldest.round == round_) return false;
  // It cannot fail but for a number that is not there.
  (void)calls_.unregister_personality(&ring_, oldest.id);
  by_token_.erase(oldest.token);
  known_.pop_back();
  dropped_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::optional<Personalities::Clock::time_point> Personalities::drop_unused(Clock::time_point now) noexcept {
  now_ = now;
  while (!known_.empty() && known_.back().used + keeps_ <= now && drop_oldest()) {
  }
  if (known_.empty()) return std::nullopt;
  return known_.back().used + keeps_;
}

void Personalities::count(Counts& counts) const noexcept {
  counts.personalities_made = made_.load(std::memory_order_relaxed);
  counts.personalities_dropped = dropped_.load(std::memory_order_relaxed);
  counts.personalities = counts.personalities_made - counts.personalities_dropped;
}

}  // namespace behalf::uring::detail
