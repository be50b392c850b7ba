// One client's connection: what has come of its request, and what of the answer is still to be sent. It has no thread
// of its own and knows nothing of identities but whose request it is at.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "behalf/call_context.h"
#include "behalf/descriptor.h"
#include "behalf/http.h"
#include "remote/http/request_parser.h"

namespace behalf::http::detail {

using Clock = std::chrono::steady_clock;

class Connection {
 public:
  Connection(Descriptor socket, bool is_local, const ServerOptions& options);

  [[nodiscard]] int socket() const noexcept { return socket_.get(); }
  [[nodiscard]] Client client() const noexcept { return {socket_.get(), is_local_}; }

  enum class State {
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
  bool closes = false;     // after this answer
  Clock::time_point deadline = Clock::time_point::max();
  std::size_t place = 0;  // among the loop's

  RequestParser parser;
  std::optional<Token> user;          // of this request
  std::optional<Token> user_of_all;   // of every request on this connection
  std::optional<CallContext> call;    // of `user`
  std::vector<Response::Field> told;  // by who said whose this request is
  std::optional<uid_t> counted;       // whom this connection is counted for
  unsigned in_a_row = 0;              // requests of one user, so far
  void is_of(const Token& who);

  enum class Came { some, nothing, end, failure };
  // Reads what has come, as far as there is room.
  Came fill();
  // Reads and throws away.
  Came drain();

  // What flush() is to send, with what was `told`. Errors: std::invalid_argument where a field is none.
  void answer(Response response, std::string_view date);
  void answer_continue() { out_ += "HTTP/1.1 100 Continue\r\n\r\n"; }
  enum class Sent { all, some, nothing, failure };
  Sent flush();
  [[nodiscard]] bool has_output() const noexcept { return sent_ != out_.size() + body_.size() || left_ != 0; }

  // To the next request on this connection.
  void next();
  void hang_up() noexcept { socket_ = Descriptor(); }

 private:
  Descriptor socket_;
  const bool is_local_;
  std::string out_;
  std::string body_;
  std::size_t sent_ = 0;  // of both
  Descriptor file_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;  // of the file
};

}  // namespace behalf::http::detail
