// Where tickets are handed out: a Unix socket, at which the kernel vouches for who asks. The words that both ends use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace behalf::detail {

// What a client asks with. It keeps the connection open for as long as it wants the ticket to be good.
struct Request {
  std::array<char, 4> magic{'b', 'h', 't', '1'};
  std::uint8_t granted = 0;  // a Level: how far the server may go
  std::array<std::uint8_t, 3> reserved{};
};

// What it is answered: `given`, the seconds that it is good for, a space and the ticket; or `not_given`, and why.
constexpr char given = '+';
constexpr char not_given = '-';
constexpr std::size_t longest_answer = 1024;

// The metadata of a call in which its ticket goes, or the proof that is to get one; or why there is neither. In the
// answer to a proof: "SECONDS TICKET".
constexpr const char* ticket_key = "behalf-ticket";
constexpr const char* proof_key = "behalf-proof";
constexpr const char* no_ticket_key = "behalf-no-ticket";

}  // namespace behalf::detail
