#include "remote/http/connection.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace behalf::http::detail {

namespace {

constexpr std::size_t at_once = 1024 * 1024;  // of a file, so that one client's is not all that a thread does

bool is_token(std::string_view name) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](unsigned char each) {
    return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
           others.find(static_cast<char>(each)) != std::string_view::npos;
  });
}

bool is_value(std::string_view value) noexcept {
  return std::none_of(value.begin(), value.end(),
                      [](unsigned char each) { return (each < ' ' && each != '\t') || each == 0x7f; });
}

void refuse_fields(const std::vector<Response::Field>& fields) {
  for (const Response::Field& field : fields) {
    if (!is_token(field.name) || !is_value(field.value))
      throw std::invalid_argument("behalf: http: the handler's field '" + field.name + "' is no field of HTTP");
  }
}

}  // namespace

Connection::Connection(Descriptor socket, bool is_local, const ServerOptions& options)
    : parser(options.header_bytes, options.body_bytes), socket_(std::move(socket)), is_local_(is_local) {
  if (!options.through) return;
  channel_ = options.through->over(socket_.get());
  state = State::handshake;
}

Channel::Did Connection::shake_hands() {
  const Channel::Did did = channel_->shake_hands();
  if (did == Channel::Did::some) readable = true;  // as far as is known: what came with the handshake's end
  return did;
}

void Connection::is_of(const Token& who) {
  user = who;
  ++in_a_row;
  if (call && call->client()->data() == who.data()) return;
  if (call && call->client()->uid() != who.uid()) in_a_row = 0;
  call.emplace(Sender{who});
}

Connection::Came Connection::fill() {
  const std::span<char> room = parser.room();
  if (room.empty()) return Came::nothing;
  if (channel_) return fill_by_channel(room);
  const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (got > 0) {
    // Less than there is room for is all that there was (epoll(7), "Possible pitfalls and ways to avoid them"), but for
    // the end: that saves a call.
    if (static_cast<std::size_t>(got) < room.size() && !end_comes) readable = false;
    parser.put(static_cast<std::size_t>(got));
    return Came::some;
  }
  if (got == 0) return Came::end;
  if (errno == EINTR) return Came::some;
  if (errno != EAGAIN) return Came::failure;
  readable = false;
  return Came::nothing;
}

// What the channel has decrypted already, no event tells of: there may be more until it says that there is not.
Connection::Came Connection::fill_by_channel(std::span<char> room) {
  std::size_t got = 0;
  switch (channel_->read(room, got)) {
    case Channel::Did::some:
      parser.put(got);
      return Came::some;
    case Channel::Did::waits_to_read:
      readable = false;
      return Came::nothing;
    case Channel::Did::waits_to_write:
      return Came::nothing;
    case Channel::Did::end:
      return Came::end;
    case Channel::Did::failure:
      break;
  }
  return Came::failure;
}

// By the socket itself: what it would mean makes no difference any more.
Connection::Came Connection::drain() {
  std::array<char, 16384> nowhere;
  const ssize_t got = ::recv(socket_.get(), nowhere.data(), nowhere.size(), MSG_DONTWAIT);
  if (got > 0) return Came::some;
  if (got == 0) return Came::end;
  return errno == EAGAIN ? Came::nothing : Came::failure;
}

void Connection::answer(Response response, std::string_view date) {
  for (Response::Field& field : std::exchange(told, {})) response.fields.push_back(std::move(field));
  refuse_fields(response.fields);
  const bool is_head = parser.request().method == "HEAD";
  const bool has_body = response.status != 204 && response.status != 304;
  const std::uint64_t length = response.file ? response.length : response.body.size();
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  out_ += "HTTP/1.1 ";
  out_ += std::to_string(response.status);
  out_ += ' ';
  out_.append(reason.data(), reason.size());
  out_ += "\r\nDate: ";
  out_ += date;
  if (has_body) {
    out_ += "\r\nContent-Length: ";
    out_ += std::to_string(length);
  }
  if (closes) {
    out_ += "\r\nConnection: close";
  } else if (parser.is_http_1_0()) {
    out_ += "\r\nConnection: keep-alive";
  }
  for (const Response::Field& field : response.fields) {
    out_ += "\r\n";
    out_ += field.name;
    out_ += ": ";
    out_ += field.value;
  }
  out_ += "\r\n\r\n";
  if (!has_body || is_head) return;
  if (response.file) {
    file_ = std::move(response.file);
    offset_ = response.offset;
    left_ = response.length;
  } else {
    body_ = std::move(response.body);
  }
}

Connection::Sent Connection::flush() {
  if (channel_) return flush_by_channel();
  bool progress = false;
  while (sent_ != out_.size() + body_.size()) {
    const std::size_t of_head = std::min(sent_, out_.size());
    const std::size_t of_body = sent_ - of_head;
    std::array<iovec, 2> parts{};
    std::size_t count = 0;
    if (of_head != out_.size()) parts[count++] = {out_.data() + of_head, out_.size() - of_head};
    if (of_body != body_.size()) parts[count++] = {body_.data() + of_body, body_.size() - of_body};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const int more = left_ != 0 || ends_with_answer() ? MSG_MORE : 0;
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT | more);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Sent::failure;
      return progress ? Sent::some : Sent::nothing;
    }
    sent_ += static_cast<std::size_t>(sent);
    progress = true;
  }
  std::uint64_t all = 0;
  while (left_ != 0) {
    if (all >= at_once) return Sent::turn;
    auto offset = static_cast<off_t>(offset_);
    const ssize_t sent = ::sendfile(socket_.get(), file_.get(), &offset, std::min<std::uint64_t>(left_, at_once));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return progress ? Sent::some : Sent::nothing;
    if (sent <= 0) return Sent::failure;  // 0: the file has become shorter than was said
    offset_ += static_cast<std::uint64_t>(sent);
    left_ -= static_cast<std::uint64_t>(sent);
    all += static_cast<std::uint64_t>(sent);
    progress = true;
  }
  return Sent::all;
}

// The beginning of what is still to be sent; less than there is room for at its end, or at that of a file that has
// become shorter.
std::size_t Connection::next_output(std::span<char> piece) const noexcept {
  std::size_t size = 0;
  const auto take = [&](const std::string& text, std::size_t from) {
    const std::size_t part = std::min(piece.size() - size, text.size() - from);
    std::memcpy(piece.data() + size, text.data() + from, part);
    size += part;
  };
  const std::size_t of_head = std::min(sent_, out_.size());
  take(out_, of_head);
  take(body_, sent_ - of_head);
  while (left_ != 0 && size < piece.size()) {
    const std::size_t from_file = size - (out_.size() + body_.size() - sent_);
    if (from_file == left_) break;
    const std::size_t room = std::min<std::uint64_t>(piece.size() - size, left_ - from_file);
    const ssize_t got = ::pread(file_.get(), piece.data() + size, room, static_cast<off_t>(offset_ + from_file));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

void Connection::has_sent(std::size_t bytes) noexcept {
  const std::size_t of_text = std::min(bytes, out_.size() + body_.size() - sent_);
  sent_ += of_text;
  offset_ += bytes - of_text;
  left_ -= bytes - of_text;
}

// Head, body and file together, a record's worth at a time. A piece that was not taken is made again for the next try,
// from the same place.
Connection::Sent Connection::flush_by_channel() {
  std::size_t all = 0;
  std::array<char, 16384> piece;
  while (has_output()) {
    if (all >= at_once) return Sent::turn;
    const std::size_t size = next_output(piece);
    if (size == 0) return Sent::failure;  // the file has become shorter than was said
    std::size_t sent = 0;
    switch (channel_->write({piece.data(), size}, sent)) {
      case Channel::Did::some:
        has_sent(sent);
        all += sent;
        break;
      case Channel::Did::waits_to_read:
      case Channel::Did::waits_to_write:
        return all != 0 ? Sent::some : Sent::nothing;
      case Channel::Did::end:
      case Channel::Did::failure:
        return Sent::failure;
    }
  }
  return Sent::all;
}

void Connection::end_output() noexcept {
  if (channel_) channel_->say_end();
  (void)::shutdown(socket_.get(), SHUT_WR);
}

void Connection::hang_up() noexcept {
  // An answer that was cut short is not said to be at its end.
  if (channel_ && !has_output()) channel_->say_end();
  // By close(2) alone what waits for the end would be lost where the client has sent more than was read.
  if (ends_with_answer()) (void)::shutdown(socket_.get(), SHUT_WR);
  socket_ = Descriptor();
}

void Connection::next() {
  parser.next();
  // What presents a user further is not kept for as long as a connection is idle.
  if (user && user->level() == Level::delegation) call.emplace(Sender{user->with_level(Level::impersonation)});
  user.reset();
  out_.clear();
  if (body_.capacity() > at_once) body_ = {};
  body_.clear();
  sent_ = 0;
  file_ = Descriptor();
  begun = parser.has_bytes();
}

}  // namespace behalf::http::detail
