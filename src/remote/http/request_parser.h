// Bytes of a connection, in: requests, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "behalf/http.h"

namespace behalf::http::detail {

// Why there will be no further request: the status to say, and the line.
struct Fault {
  int status = 0;
  std::string why;
};

class RequestParser {
 public:
  RequestParser(std::size_t header_bytes, std::uint64_t body_bytes);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Where the next bytes go, and how many were put there. No room: what is there is to be parsed first.
  [[nodiscard]] std::span<char> room();
  void put(std::size_t bytes) noexcept { end_ += bytes; }
  // Whether there is anything that has not become a request.
  [[nodiscard]] bool has_bytes() const noexcept { return begin_ != end_; }
  void forget_bytes() noexcept { begin_ = end_ = 0; }

  enum class Step { more, done, fault };
  // To the end of the header, then of the body. `more`: when there are more bytes. After a fault() there is no going
  // on.
  Step parse_head();
  Step parse_body();
  [[nodiscard]] const Fault& fault() const noexcept { return fault_; }

  // From the end of the header on, until next().
  [[nodiscard]] const Request& request() const noexcept { return request_; }
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool is_http_1_0() const noexcept;
  // Whether all of the request has been read.
  [[nodiscard]] bool is_whole() const;
  // Whether the client waits for a "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const noexcept;

  void next();

 private:
  class Machine;

  Step fail(int status, std::string why);
  Step check_head();

  const std::size_t header_bytes_;
  const std::uint64_t body_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is to be parsed
  std::size_t end_ = 0;
  std::size_t looked_at_ = 0;  // of it, in the search for the header's end
  std::string head_;           // what request_ points into
  std::string body_;
  Request request_;
  Fault fault_;
  std::unique_ptr<Machine> machine_;
};

}  // namespace behalf::http::detail
