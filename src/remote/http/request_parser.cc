#include "remote/http/request_parser.h"

#include <strings.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>
#include <utility>

namespace behalf::http::detail {

namespace beast = boost::beast::http;

namespace {

constexpr std::size_t first_room = 4096;
constexpr std::size_t piece_of_body = 64 * 1024;

bool same_word(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

// Beast's parser, told where to put what it finds. It counts a header's bytes anew at each piece that it gets (Boost
// 1.81, basic_parser::put), so that it is given whole headers alone.
class RequestParser::Machine final : public beast::basic_parser<true> {
 public:
  explicit Machine(RequestParser& owner) : owner_(owner) {
    header_limit(static_cast<std::uint32_t>(owner.header_bytes_));
    body_limit(owner.body_bytes_);
    eager(false);
  }

  int version = 11;
  bool folded = false;
  unsigned hosts = 0;
  unsigned authorizations = 0;
  bool has_encoding = false;

 private:
  using Text = boost::beast::string_view;
  using Failure = boost::beast::error_code;

  static std::string_view view(Text text) { return {text.data(), text.size()}; }

  void on_request_impl(beast::verb, Text method, Text target, int v, Failure&) override {
    owner_.request_.method = view(method);
    owner_.request_.target = view(target);
    version = v;
  }
  void on_response_impl(int, Text, int, Failure&) override {}
  void on_field_impl(beast::field name, Text name_text, Text value, Failure&) override {
    if (ended_) return;  // of the trailer: what a request is, its header has said
    const char* const begin = owner_.head_.data();
    if (!value.empty() && (value.data() < begin || value.data() > begin + owner_.head_.size())) folded = true;
    if (name == beast::field::host) ++hosts;
    if (name == beast::field::authorization) ++authorizations;
    if (name == beast::field::transfer_encoding) has_encoding = true;
    owner_.request_.fields.push_back({view(name_text), view(value)});
  }
  void on_header_impl(Failure&) override { ended_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Failure&) override {}
  std::size_t on_body_impl(Text body, Failure&) override {
    owner_.body_.append(body.data(), body.size());
    return body.size();
  }
  // A line's end that is quoted in an extension is one for many a proxy.
  void on_chunk_header_impl(std::uint64_t, Text extensions, Failure& failure) override {
    const bool is_one_line = std::none_of(extensions.begin(), extensions.end(), [](unsigned char each) {
      return (each < ' ' && each != '\t') || each == 0x7f;
    });
    if (!is_one_line) failure = beast::error::bad_chunk_extension;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Failure&) override {
    owner_.body_.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(Failure&) override {}

  RequestParser& owner_;
  bool ended_ = false;
};

RequestParser::RequestParser(std::size_t header_bytes, std::uint64_t body_bytes)
    : header_bytes_(header_bytes), body_bytes_(body_bytes) {}

RequestParser::~RequestParser() = default;

std::span<char> RequestParser::room() {
  if (begin_ == end_) {
    begin_ = end_ = looked_at_ = 0;
  } else if (end_ == buffer_.size() && begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    const std::size_t most = machine_ != nullptr ? std::max(header_bytes_, piece_of_body) : header_bytes_;
    if (buffer_.size() < most) buffer_.resize(std::min(most, std::max(first_room, 2 * buffer_.size())));
  }
  return {buffer_.data() + end_, buffer_.size() - end_};
}

RequestParser::Step RequestParser::fail(int status, std::string why) {
  fault_ = {status, std::move(why)};
  return Step::fault;
}

RequestParser::Step RequestParser::parse_head() {
  // Empty lines before a request are to be ignored (RFC 9112, 2.2).
  while (end_ - begin_ >= 2 && buffer_[begin_] == '\r' && buffer_[begin_ + 1] == '\n') {
    begin_ += 2;
    looked_at_ = 0;
  }
  const std::string_view come(buffer_.data() + begin_, end_ - begin_);
  const std::size_t from = looked_at_ > 3 ? looked_at_ - 3 : 0;
  const std::size_t at = come.find("\r\n\r\n", from);
  if (at == std::string_view::npos || at + 4 > header_bytes_) {
    looked_at_ = come.size();
    if (come.size() >= header_bytes_)
      return fail(431, "the header is larger than " + std::to_string(header_bytes_) + " bytes");
    return Step::more;
  }
  head_.assign(come.substr(0, at + 4));
  begin_ += at + 4;
  looked_at_ = 0;
  machine_ = std::make_unique<Machine>(*this);
  boost::beast::error_code error;
  (void)machine_->put(boost::asio::buffer(head_), error);
  if (error == beast::error::body_limit)
    return fail(413, "the body is larger than " + std::to_string(body_bytes_) + " bytes");
  if (error) return fail(400, "the header is not HTTP/1.1's: " + error.message());
  if (!machine_->is_header_done()) return fail(400, "the header is not HTTP/1.1's");
  return check_head();
}

// What different readers would read differently, a proxy in front and this server, is refused.
RequestParser::Step RequestParser::check_head() {
  if (machine_->folded) return fail(400, "a field of the header goes over several lines");
  if (machine_->version == 11 && machine_->hosts != 1) return fail(400, "there is not one Host field");
  if (machine_->authorizations > 1) return fail(400, "there are several Authorization fields");
  if (machine_->has_encoding) {
    const auto encoding = request_.field("Transfer-Encoding");
    const auto count = std::count_if(request_.fields.begin(), request_.fields.end(), [](const Request::Field& field) {
      return same_word(field.name, "Transfer-Encoding") || same_word(field.name, "Content-Length");
    });
    if (count != 1 || !same_word(*encoding, "chunked") || machine_->version != 11)
      return fail(400, "the length of the body is not clear");
  }
  return Step::done;
}

RequestParser::Step RequestParser::parse_body() {
  machine_->eager(true);
  while (!machine_->is_done()) {
    if (begin_ == end_) return Step::more;
    boost::beast::error_code error;
    const std::size_t taken = machine_->put(boost::asio::buffer(buffer_.data() + begin_, end_ - begin_), error);
    begin_ += taken;
    if (error == beast::error::body_limit)
      return fail(413, "the body is larger than " + std::to_string(body_bytes_) + " bytes");
    if (error == beast::error::need_more) {
      if (taken == 0 && end_ - begin_ >= std::max(header_bytes_, piece_of_body))
        return fail(400, "a chunk's header is too long");
      if (taken == 0) return Step::more;
    } else if (error) {
      return fail(400, "the body is not HTTP/1.1's: " + error.message());
    }
  }
  request_.body = body_;
  return Step::done;
}

bool RequestParser::keep_alive() const {
  return machine_ != nullptr && machine_->is_header_done() && machine_->keep_alive();
}

bool RequestParser::is_http_1_0() const noexcept {
  return machine_ != nullptr && machine_->version == 10;
}

bool RequestParser::is_whole() const {
  return machine_ != nullptr && machine_->is_done();
}

bool RequestParser::expects_continue() const noexcept {
  const auto expectation = request_.field("Expect");
  return expectation && !is_http_1_0() && same_word(*expectation, "100-continue");
}

void RequestParser::next() {
  machine_.reset();
  request_.fields.clear();
  request_.method = request_.target = request_.body = {};
  if (body_.capacity() > piece_of_body) body_ = {};
  body_.clear();
  looked_at_ = 0;
}

}  // namespace behalf::http::detail
