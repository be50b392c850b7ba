// Sender: whoever sent a message, as far as the sender granted it to be known and used.
//
//   mailbox.handle_one([](behalf::Message<Request>& message) {       // runs as the receiver
//     if (message.sender()) log("from " + message.sender()->name());  // at most to look at, by default
//     const behalf::Impersonation as = message.impersonate_sender();  // the receiver's explicit act
//     write_for_the_sender(*message);
//   });
//
// A message is not work that somebody submits: it is handled as its receiver, who must ask to be somebody else. And it
// is the sender who says how far that goes, with each message: `identification`, unless more is granted.
#pragma once

#include <optional>
#include <utility>

#include "behalf/impersonation.h"
#include "behalf/level.h"
#include "behalf/token.h"

namespace behalf {

class Sender {
 public:
  // The calling thread as a sender who grants that much. Nobody where that is `anonymous`.
  //
  // Errors: Error of reason not_initialized; power_needed where the thread's own token is of a lower level (a thread
  // whose ids were changed by other means than behalf's can identify itself and no more). Thread-safe.
  // Cost: no system call, but for the first use in a thread (10).
  static Sender of_thread(Level grants);

  Sender() = default;
  explicit Sender(std::optional<Token> token) : token_(std::move(token)) {}

  // The sender's token, of the level that was granted; nothing where that is `anonymous`. Cost: none.
  [[nodiscard]] const std::optional<Token>& token() const noexcept { return token_; }

  // Effects: the calling thread is the sender until the end of the scope that is returned.
  // Errors: Error of reason level_too_low where the sender did not grant it; as Impersonation. Cost: as Impersonation.
  [[nodiscard]] Impersonation impersonate() const { return Impersonation{granted()}; }

 private:
  [[nodiscard]] const Token& granted() const;

  std::optional<Token> token_;
};

// A message that has been received: what was sent, and by whom.
template <class T>
class Message {
 public:
  Message(T&& value, const Sender& sender) : value_(std::move(value)), sender_(&sender) {}
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  [[nodiscard]] T& operator*() noexcept { return value_; }
  [[nodiscard]] T* operator->() noexcept { return &value_; }

  // As of Sender.
  [[nodiscard]] const std::optional<Token>& sender() const noexcept { return sender_->token(); }
  [[nodiscard]] Impersonation impersonate_sender() const { return sender_->impersonate(); }

 private:
  T value_;
  const Sender* sender_;
};

}  // namespace behalf
