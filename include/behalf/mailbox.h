// Mailbox: a window's message queue. What is sent to it is handled as the receiver, whoever sends it.
//
//   behalf::Mailbox<Request, int> box;                       // belongs to whoever makes it: here the service
//
//   // any thread, here as alice:
//   box.post(Request{"tidy up"});                            // goes on at once; identified, and no more
//   int lines = box.send(Request{"count"}, behalf::Level::impersonation);  // waits for the answer
//
//   // the receiver's thread:
//   box.handle_until(stop, [](behalf::Message<Request>& message) {  // as the service
//     const behalf::Impersonation as = message.impersonate_sender();  // now as alice, where she granted it
//     return count_lines(*message);
//   });
//
// A pool carries the submitter's identity, since what is submitted is the submitter's work. A message is a request to
// somebody, who handles it with the rights of his own; hence the difference. MailSocket is the same between processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/run_as.h"
#include "behalf/sender.h"

namespace behalf {

struct MailboxOptions {
  // How many messages may wait to be handled, and what a sender meets where there is no room: it waits, or gets an
  // Error of reason queue_full.
  std::size_t capacity = SIZE_MAX;
  enum class WhenFull { wait, refuse } when_full = WhenFull::wait;
};

namespace detail {

// Where a sender waits for what becomes of a message. Told last, when nothing of the message is left.
struct Answer {
  Answer() = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  virtual ~Answer() = default;
  virtual void refuse(std::exception_ptr why) noexcept = 0;
};

// A message on its way. Destroyed as the receiver.
struct Letter {
  explicit Letter(Sender sent_by) : sender(std::move(sent_by)) {}
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;
  virtual ~Letter() = default;

  const Sender sender;
  std::unique_ptr<Answer> answer;  // null where the sender waits for none
};

// The messages of a mailbox, and whose they are.
class Post {
 public:
  Post(Carried owner, const MailboxOptions& options);
  // Closes it.
  ~Post();
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  // Takes the letter over, whatever happens.
  void put(std::unique_ptr<Letter> letter, bool will_wait);
  // Waits for a letter, then hands it to `handle` as the owner and destroys it. Returns false where the box is closed
  // or `stop` asks to stop before there is one; without `wait`, where there is none.
  bool take(bool wait, const std::stop_token& stop, const std::function<void(Letter&)>& handle);
  void close() noexcept;

 private:
  class Core;
  const std::unique_ptr<Core> core_;
};

template <class T>
struct LetterOf final : Letter {
  LetterOf(Sender sent_by, T&& what) : Letter(std::move(sent_by)), value(std::move(what)) {}

  T value;
};

template <class Reply>
struct AnswerOf final : Answer {
  void refuse(std::exception_ptr why) noexcept override { promise.set_exception(std::move(why)); }

  void give(Outcome<Reply>& reply) {
    if constexpr (std::is_void_v<Reply>) {
      promise.set_value();
    } else {
      promise.set_value(reply.take());
    }
  }

  std::promise<Reply> promise;
};

}  // namespace detail

template <class T, class Reply = void>
class Mailbox {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "behalf::Mailbox: a message is moved to its receiver, which must not throw. Send a std::unique_ptr");
  static_assert(!std::is_reference_v<Reply>,
                "behalf::Mailbox: a reply is handed to another thread, and has to be a value. Reply with a copy");
  static_assert(!detail::Awaitable<Reply>,
                "behalf::Mailbox: the reply is an awaitable (a coroutine), which would run as whoever awaits it. Reply "
                "with what it results in");

 public:
  // Belongs to whoever the calling thread wears; or to the one given. Errors: those of Carried. Cost: one allocation.
  explicit Mailbox(const MailboxOptions& options = {}) : post_(Carried(), options) {}
  explicit Mailbox(const Token& owner, const MailboxOptions& options = {}) : post_(Carried(owner), options) {}
  explicit Mailbox(as_service_t owner, const MailboxOptions& options = {}) : post_(Carried(owner), options) {}

  // Closes it: messages that have not been handled are destroyed as the receiver, and whoever waits for an answer gets
  // an Error of reason cancelled. Nobody may be using it.
  ~Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Effects: leaves the message and goes on. The receiver learns who sent it as far as `grants` says.
  // Errors: those of Sender::of_thread(); Error of reason cancelled where the mailbox is closed, queue_full (see the
  // options), would_wait_for_itself where a handler of this mailbox would wait for room in it. The message has then
  // been destroyed as the receiver.
  // Thread-safe. Cost: two allocations; no system call but those of locks and of waking the receiver.
  void post(T message, Level grants = Level::identification) {
    post_.put(std::make_unique<Letter>(Sender::of_thread(grants), std::move(message)), false);
  }

  // The same with an answer: what the handler returned, or threw. Errors of the answer: Error of reason cancelled
  // where the mailbox was closed before the message was handled.
  [[nodiscard]] std::future<Reply> ask(T message, Level grants = Level::identification) {
    return leave(std::move(message), grants, false);
  }

  // Effects: returns when the message has been handled, with what the handler returned, or threw. The calling thread
  // keeps what it wears meanwhile. Errors: as ask() and its answer; Error of reason would_wait_for_itself in a handler
  // of the same mailbox, which would wait for ever.
  Reply send(T message, Level grants = Level::identification) { return leave(std::move(message), grants, true).get(); }

  // Effects: waits for a message and handles it: handler(Message<T>&) is called as the receiver, and the message is
  // destroyed so. What the handler throws goes to a sender who waits for the answer, and otherwise comes out of here.
  // Returns whether there was a message: false where `stop` asks to stop, or the mailbox is closed.
  // Errors: Error as of Impersonation where the receiver cannot be worn; the message then stays the first in the box.
  // Thread-safe: several threads may receive. Cost: where the thread wears the receiver, no system call but those of
  // the lock; otherwise an Impersonation.
  template <class Handler>
  bool handle_one(const std::stop_token& stop, Handler&& handler) {
    return post_.take(true, stop, [&](detail::Letter& letter) { handle(static_cast<Letter&>(letter), handler); });
  }

  // The same without waiting: false where there is no message now.
  template <class Handler>
  bool handle_waiting(Handler&& handler) {
    return post_.take(false, {}, [&](detail::Letter& letter) { handle(static_cast<Letter&>(letter), handler); });
  }

  // Effects: handles messages, one after the other, until `stop` asks to stop or the mailbox is closed.
  template <class Handler>
  void handle_until(const std::stop_token& stop, Handler&& handler) {
    while (handle_one(stop, handler)) {
    }
  }

  // Effects: nothing is accepted any more, messages that have not been handled are destroyed as the receiver, and
  // receivers return. Errors: none. Thread-safe.
  void close() noexcept { post_.close(); }

 private:
  using Letter = detail::LetterOf<T>;

  std::future<Reply> leave(T&& message, Level grants, bool will_wait) {
    auto letter = std::make_unique<Letter>(Sender::of_thread(grants), std::move(message));
    auto answer = std::make_unique<detail::AnswerOf<Reply>>();
    std::future<Reply> result = answer->promise.get_future();
    letter->answer = std::move(answer);
    post_.put(std::move(letter), will_wait);
    return result;
  }

  template <class Handler>
  static void handle(Letter& letter, Handler& handler) {
    static_assert(std::is_invocable_r_v<Reply, Handler&, Message<T>&>,
                  "behalf::Mailbox: the handler takes a behalf::Message<T>& and returns what the mailbox replies with");
    static_assert(
        !detail::Awaitable<std::invoke_result_t<Handler&, Message<T>&>>,
        "behalf::Mailbox: the handler returns an awaitable (a coroutine), which would be run later, after the "
        "receiver's identity was given back");
    const std::unique_ptr<detail::Answer> answer = std::move(letter.answer);
    detail::Outcome<Reply> reply;
    std::exception_ptr thrown;
    {
      Message<T> message(std::move(letter.value), letter.sender);
      try {
        reply.fill([&]() -> Reply { return std::invoke(handler, message); });
      } catch (...) {
        if (answer == nullptr) throw;
        thrown = std::current_exception();
      }
    }
    if (answer == nullptr) return;
    if (thrown != nullptr) return answer->refuse(std::move(thrown));
    try {
      static_cast<detail::AnswerOf<Reply>&>(*answer).give(reply);
    } catch (...) {
      answer->refuse(std::current_exception());  // it could not be moved
    }
  }

  detail::Post post_;
};

}  // namespace behalf
