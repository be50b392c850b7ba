// The identities that a ring's kernel side knows, by the numbers it gave them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "behalf/uring.h"
#include "identity/token_data.h"
#include "uring/kernel_calls.h"

namespace behalf::uring::detail {

using behalf::detail::TokenPtr;

class Personalities {
 public:
  using Clock = std::chrono::steady_clock;

  // On a thread that is the service, if there is one yet. Throws Error where its own identity cannot be registered.
  Personalities(io_uring& ring, const KernelCalls& calls, unsigned at_most, std::chrono::milliseconds keeps);

  // The number for requests of that identity, to be handed over before the next handed_over(); nothing where all
  // numbers belong to requests that are still to be handed over. Throws Error where it cannot be had.
  std::optional<std::uint16_t> id_for(const TokenPtr& token);
  // The service's, or the process's. Never given up.
  [[nodiscard]] std::uint16_t own() const noexcept { return own_; }

  // All requests with numbers given out so far are the kernel's. It took hold of their credentials (io_init_req() in
  // io_uring/io_uring.c, get_cred()), so their numbers may go.
  void handed_over() noexcept { ++round_; }

  // Unregisters those that have not been used for long; when that will be true of the next one.
  std::optional<Clock::time_point> drop_unused(Clock::time_point now) noexcept;

  // From any thread.
  void count(Counts& counts) const noexcept;

 private:
  struct Known {
    TokenPtr token;
    std::uint16_t id;
    std::uint64_t round;  // of its last use
    Clock::time_point used;
  };
  struct Hash {
    std::size_t operator()(const TokenPtr& token) const noexcept { return token != nullptr ? token->hash : 0; }
  };
  struct Same {
    bool operator()(const TokenPtr& a, const TokenPtr& b) const noexcept { return behalf::detail::same(a, b); }
  };

  std::uint16_t made_for(const TokenPtr& token);
  int register_as(const TokenPtr& token);
  bool drop_oldest() noexcept;

  io_uring& ring_;
  const KernelCalls& calls_;
  const std::size_t at_most_;
  const std::chrono::milliseconds keeps_;
  TokenPtr own_token_;
  std::uint16_t own_ = 0;
  std::list<Known> known_;  // the longest unused last
  std::unordered_map<TokenPtr, std::list<Known>::iterator, Hash, Same> by_token_;
  std::uint64_t round_ = 1;
  Clock::time_point now_ = Clock::now();
  std::atomic<std::uint64_t> made_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace behalf::uring::detail
