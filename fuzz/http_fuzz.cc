// Requests of a connection: whatever comes, in whatever pieces, is the same requests, within the limits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "remote/http/basic_credentials.h"
#include "remote/http/request_parser.h"

namespace {

using behalf::http::detail::RequestParser;
using Step = RequestParser::Step;

constexpr std::size_t header_bytes = 512;
constexpr std::uint64_t body_bytes = 256;

void must(bool holds) {
  if (!holds) std::abort();
}

// What a server would make of it, in words.
std::vector<std::string> requests_of(std::string_view text, std::size_t piece) {
  std::vector<std::string> found;
  RequestParser parser(header_bytes, body_bytes);
  bool in_body = false;
  for (;;) {
    const Step step = in_body ? parser.parse_body() : parser.parse_head();
    if (step == Step::fault) {
      must(parser.fault().status >= 400 && !parser.fault().why.empty());
      found.push_back(std::to_string(parser.fault().status));
      return found;
    }
    if (step == Step::done && !in_body) {
      in_body = true;
      continue;
    }
    if (step == Step::done) {
      const behalf::http::Request& request = parser.request();
      must(request.body.size() <= body_bytes && parser.is_whole());
      std::string words(request.method);
      words += " " + std::string(request.target) + (parser.keep_alive() ? " on" : " off");
      for (const auto& field : request.fields) words += "|" + std::string(field.name) + ":" + std::string(field.value);
      if (const auto credential = request.field("Authorization")) {
        if (const auto said = behalf::http::detail::basic_credentials(*credential)) {
          must(said->name.find(':') == std::string::npos && said->name.find('\0') == std::string::npos);
        }
      }
      found.push_back(words + "=" + std::string(request.body));
      parser.next();
      in_body = false;
      continue;
    }
    if (text.empty()) return found;
    const std::span<char> room = parser.room();
    must(!room.empty());  // else the connection would wait for ever
    const std::size_t count = std::min({room.size(), piece, text.size()});
    std::copy_n(text.data(), count, room.data());
    parser.put(count);
    text.remove_prefix(count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 16 + 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)behalf::http::detail::basic_credentials(text);
  must(requests_of(text, piece) == requests_of(text, SIZE_MAX));
  return 0;
}
