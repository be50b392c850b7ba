// MailSocket: a Mailbox between processes, over a Unix socket. The kernel vouches for the sender's ids.
//
//   auto [in, out] = behalf::mail_socket_pair();          // before fork(2), or an end is passed on
//
//   // the receiver's process:
//   behalf::MailReceiver box(std::move(in));               // belongs to whoever makes it
//   while (box.handle_one([](behalf::Message<std::string>& message) -> std::string {
//     const behalf::Impersonation as = message.impersonate_sender();  // where the sender granted it
//     return answer_to(*message);
//   })) {}
//
//   // the sender's process, here as alice:
//   behalf::MailSender to(std::move(out));
//   to.post("tidy up");
//   std::string answer = to.send("count", behalf::Level::impersonation);
//
// Each message says by itself who sends it: explicit SCM_CREDENTIALS with the effective ids of the sending thread,
// which the kernel checks against that thread's credentials (unix(7)). The credentials of the connection (SO_PEERCRED)
// would name whoever opened it, and the process's id names all of its threads. Who that is, with its groups and its
// name, is found out for each message, as the service: Token::of_message(). message_credentials.h is the same for a
// protocol of one's own.
//
// What is granted is the sender's own identity, for one message; it is no more than the kernel vouched for. A sender
// whose groups nobody knows, or that the fences refuse, is not impersonated.
//
// A sender that waits for the answer sends a socket along for it. It must lead to that sender: elsewhere, at a service
// that asks the kernel who sends, the answer would have the receiver's rights.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/descriptor.h"
#include "behalf/run_as.h"
#include "behalf/sender.h"

namespace behalf {

// The two ends of a connection for mail, closed at exec(2). Either may be the receiver's.
// Errors: Error of reason out_of_resources, platform.
// Cost: 3 system calls.
[[nodiscard]] std::pair<Descriptor, Descriptor> mail_socket_pair();

// A sender needs no privilege and no initialize(): in a user's own program the user sends.
class MailSender {
 public:
  // Takes one end over: any SOCK_SEQPACKET socket of AF_UNIX. Errors: Error of reason platform where it is none.
  explicit MailSender(Descriptor end);

  // Effects: leaves the message and goes on; where the socket is full, waits. `grants` as of Mailbox.
  // Errors: those of Sender::of_thread(); Error of reason cancelled where the receiver is gone; out_of_resources where
  // the message is larger than the socket takes (SO_SNDBUF, about 200 KiB by default); not_permitted where the kernel
  // does not accept the thread's ids. The message has then not been sent.
  // Thread-safe. Cost: 2 system calls.
  void post(std::string_view message, Level grants = Level::identification);

  // Effects: sends it and waits for what the handler returns. The calling thread keeps what it wears meanwhile.
  // Errors: as post(); Error of reason cancelled where the receiver is gone before it has answered; refused_by_receiver
  // where the handler threw, or the receiver would not take the message, with what it says; out_of_resources;
  // not_permitted also in the `files` posture, whose effective ids are not the user's. Thread-safe. Cost: 7 system
  // calls.
  std::string send(std::string_view message, Level grants = Level::identification);

 private:
  Descriptor end_;
};

struct MailReceiverOptions {
  // A longer message is refused. Bytes.
  std::size_t longest = 256 * 1024;
  // Told of each message that is refused, of which kernel-checked ids, and why. By default nobody is told but who
  // waits for the answer.
  void (*on_refused)(const std::string& why) noexcept = nullptr;
};

class MailReceiver {
 public:
  // Takes one end over; belongs to whoever the calling thread wears, or to the one given.
  // Errors: those of Carried; Error of reason platform where it is no SOCK_SEQPACKET socket of AF_UNIX.
  explicit MailReceiver(Descriptor end, const MailReceiverOptions& options = {})
      : MailReceiver(Carried(), std::move(end), options) {}
  MailReceiver(const Carried& owner, Descriptor end, const MailReceiverOptions& options = {});

  // Effects: waits for a message and handles it: handler(Message<std::string>&), which returns nothing or a string,
  // is called as the receiver. What it throws goes to a sender who waits for the answer (its words, if it is a
  // std::exception), and otherwise comes out of here. A message that is refused is not handled, and the wait goes on.
  // Returns whether there was a message: false where the sender is gone, or `stop` asks to stop.
  // Errors: Error as of Impersonation where the receiver cannot be worn; out_of_resources. The message then stays the
  // first in the socket.
  // Thread-safe: several threads may receive. Cost: 2 system calls, 3 more with an answer, 3 where `stop` can be asked
  // to stop, that of Token::of_message() where the sender is not anonymous, and an Impersonation where the thread does
  // not wear the receiver.
  template <class Handler>
  bool handle_one(const std::stop_token& stop, Handler&& handler) {
    using Result = std::invoke_result_t<Handler&, Message<std::string>&>;
    static_assert(!detail::Awaitable<Result>,
                  "behalf::MailReceiver: the handler returns an awaitable (a coroutine), which would be run later, "
                  "after the receiver's identity was given back");
    return receive(stop, [&](Message<std::string>& message) -> std::string {
      if constexpr (std::is_void_v<Result>) {
        std::invoke(handler, message);
        return {};
      } else {
        return std::invoke(handler, message);
      }
    });
  }
  template <class Handler>
  bool handle_one(Handler&& handler) {
    return handle_one({}, std::forward<Handler>(handler));
  }

  // To wait for, readable where there is a message or the sender is gone. It stays this object's.
  [[nodiscard]] int descriptor() const noexcept { return end_.get(); }

 private:
  bool receive(const std::stop_token& stop, const std::function<std::string(Message<std::string>&)>& handle);

  Carried owner_;
  Descriptor end_;
  MailReceiverOptions options_;
};

}  // namespace behalf
