// One client's connection: what has come of its request, and what of the answer is still to be sent. It has no thread
// of its own and knows nothing of identities but whose request it is at.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "behalf/call_context.h"
#include "behalf/descriptor.h"
#include "behalf/http.h"
#include "remote/http/channel.h"
#include "remote/http/request_parser.h"

namespace behalf::http::detail {

using Clock = std::chrono::steady_clock;

// One of those that are counted there.
class Counted {
 public:
  explicit Counted(std::atomic<std::size_t>& count) noexcept : count_(&count), before_(count.fetch_add(1)) {}
  ~Counted() { --*count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  [[nodiscard]] std::size_t before() const noexcept { return before_; }

 private:
  std::atomic<std::size_t>* const count_;
  const std::size_t before_;
};

class Connection {
 public:
  Connection(Descriptor socket, bool is_local, const ServerOptions& options);
  ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int socket() const noexcept { return socket_.get(); }
  [[nodiscard]] Client client() const noexcept { return {socket_.get(), is_local_, channel_.get()}; }

  enum class State {
    handshake,   // opens its channel
    head,        // reads a header
    away,        // somebody else has the request: an authenticator, a slow handler
    body,        // the request may be made; reads the rest of it
    ready,       // to be handled
    delayed,     // refused, and to be told later
    flush,       // sends the answer
    last_words,  // has sent it, and reads what the client still sends, so that the kernel does not reset the connection
  };
  State state = State::head;
  bool begun = false;      // a byte of this request has come
  bool readable = false;   // as far as is known
  bool end_comes = false;  // after what can be read: there will be no other event
  bool at_end = false;     // the client sends no more
  bool watched = false;    // by its loop's epoll instance
  bool closes = false;     // after this answer
  Clock::time_point deadline = Clock::time_point::max();
  std::size_t place = 0;  // among the loop's

  RequestParser parser;
  std::optional<Token> user;          // of this request
  std::optional<Token> user_of_all;   // of every request on this connection
  Clock::time_point asked_at;         // who that is
  std::optional<CallContext> call;    // of `user`
  std::vector<Response::Field> told;  // by who said whose this request is
  std::optional<uid_t> counted;       // whom this connection is counted for
  unsigned in_a_row = 0;              // requests of one user, so far
  void is_of(const Token& who);
  // Whether its channel, where it has one, goes on vouching for `user_of_all`.
  [[nodiscard]] bool user_of_all_holds(Clock::time_point now) const noexcept {
    return channel_ == nullptr || channel_->holds(asked_at, now);
  }

  // Until `some`, which is an open channel.
  Channel::Did shake_hands();
  [[nodiscard]] std::string why_no_channel() const { return channel_->why(); }
  std::unique_ptr<Counted> shakes_hands;  // as long as it is not

  enum class Came { some, nothing, end, failure };
  // Reads what has come, as far as there is room.
  Came fill();
  // Reads and throws away.
  Came drain();

  // What flush() is to send, with what was `told`. Errors: std::invalid_argument where a field is none.
  void answer(Response response, std::string_view date);
  void answer_continue() { out_ += "HTTP/1.1 100 Continue\r\n\r\n"; }
  // `turn`: that was much; there is room for more, but it is others' turn.
  enum class Sent { all, some, nothing, turn, failure };
  Sent flush();
  [[nodiscard]] bool has_output() const noexcept { return sent_ != out_.size() + body_.size() || left_ != 0; }

  // To the next request on this connection.
  void next();
  // Nothing more will be sent.
  void end_output() noexcept;
  void hang_up() noexcept;

 private:
  // The answer's last bytes wait for the end of the connection, which follows, and are one packet with it (tcp(7),
  // MSG_MORE): shutdown(2) sends both.
  [[nodiscard]] bool ends_with_answer() const noexcept {
    return closes && state == State::flush && !channel_ && !is_local_;
  }
  Came fill_by_channel(std::span<char> room);
  Sent flush_by_channel();
  std::size_t next_output(std::span<char> piece) const noexcept;
  void has_sent(std::size_t bytes) noexcept;

  Descriptor socket_;
  std::unique_ptr<Channel> channel_;  // null: the socket alone
  const bool is_local_;
  std::string out_;
  std::string body_;
  std::size_t sent_ = 0;  // of both
  Descriptor file_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;  // of the file
};

}  // namespace behalf::http::detail
