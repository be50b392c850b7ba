// What work can travel through from one thread to another, apart from memory: who gave what, and who takes which of it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trace/event.h"

namespace behalf::tool {

// A channel's name is its kind and its identity, with a colon between: "pipe:12:345", "socket:[77]", "eventfd:3".
std::string_view kind_of_channel(std::string_view channel);

// What stands in a channel: bytes or messages, by position.
class Channel {
 public:
  void give(Giver giver, std::uint64_t size);
  // What was given then came to that much.
  void correct(std::uint64_t sequence, std::uint64_t size);

  // Who gave what is taken now, each once. `all` that is there, as of an eventfd's count; or the next `size`.
  std::vector<Giver> take_next(std::uint64_t size);
  std::vector<Giver> take_all();
  // One of those that are there, and nobody can say which: of messages that have priorities, of a semaphore's count.
  std::vector<Giver> take_any(std::uint64_t size);
  // Who gave last; it stays, as a timer does that fires again.
  std::vector<Giver> look() const;

  void forget();

 private:
  struct Piece {
    std::uint64_t begin, end;  // position
    Giver by;
  };
  std::vector<Giver> givers(std::uint64_t begin, std::uint64_t end) const;
  void drop_until(std::uint64_t position);

  std::uint64_t given_ = 0, taken_ = 0;
  std::vector<Piece> pieces_;
};

// Where a futex lies: in memory of a process's own, or in memory that processes share, by what is mapped there.
struct FutexWord {
  std::string where;
  std::uint64_t at = 0;
  friend bool operator==(const FutexWord&, const FutexWord&) = default;
};
FutexWord futex_word(pid_t process, std::uint64_t address, bool process_private);

// A socket as /proc/PID/net sees it: by the inode of one end of a connection, the channel of the other; empty when it
// is not there.
std::string tcp_peer(pid_t tid, const std::string& channel);
// The address that a Unix socket is bound to, or has from who accepted it; and the datagram socket bound to an address.
std::string unix_address(pid_t tid, const std::string& channel);
std::string datagram_socket_at(pid_t tid, const std::string& address);

// Who is on its way to be accepted.
struct Connecting {
  std::string channel;
  Giver by;
};

}  // namespace behalf::tool
