// Credentials that were found right a short while ago, so that the authenticator is not asked for each request. Kept is
// a salted hash of each, never the credential.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "behalf/token.h"

namespace behalf::http::detail {

class CredentialCache {
 public:
  using Clock = std::chrono::steady_clock;
  using Hash = std::array<unsigned char, 32>;

  // Errors: Error of reason platform where the system has no random bytes or no SHA-256.
  CredentialCache(std::chrono::milliseconds remembers, std::size_t at_most);
  ~CredentialCache();
  CredentialCache(const CredentialCache&) = delete;
  CredentialCache& operator=(const CredentialCache&) = delete;

  // All thread-safe. hash_of() and find(): Cost: no system call.
  [[nodiscard]] Hash hash_of(std::string_view credential) const;
  [[nodiscard]] std::optional<Token> find(const Hash& hash, Clock::time_point now) const;
  // What was verified before forget() is not remembered after it: `asked_in` is the age() before the question.
  void remember(const Hash& hash, const Token& whose, Clock::time_point now, std::size_t asked_in);
  [[nodiscard]] std::size_t age() const;
  void forget();

 private:
  struct Salt;
  struct Entry {
    Token whose;
    Clock::time_point until;
  };
  struct OfHash {
    std::size_t operator()(const Hash& hash) const noexcept;
  };

  const std::chrono::milliseconds remembers_;
  const std::size_t at_most_;
  const std::unique_ptr<const Salt> salt_;
  mutable std::mutex mutex_;  // over what follows
  std::unordered_map<Hash, Entry, OfHash> entries_;
  std::size_t age_ = 0;
};

}  // namespace behalf::http::detail
