// What a connection's bytes go through between HTTP and its socket, where it is not the socket alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace behalf::http::detail {

// One connection's. It never waits: the socket's loop calls again when there is something to read, or room to write.
// One thread at a time.
class Channel {
 public:
  enum class Did { some, waits_to_read, waits_to_write, end, failure };

  Channel() = default;
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Before anything else, until it did `some`: then the channel is open. After a failure() there is nothing to be had,
  // and why() has what is to be logged.
  virtual Did shake_hands() = 0;
  [[nodiscard]] virtual std::string why() const = 0;

  // Where it did `some`, `size` is how much.
  virtual Did read(std::span<char> room, std::size_t& size) = 0;
  // What it could not write is to be shown again, with the same beginning.
  virtual Did write(std::span<const char> bytes, std::size_t& size) = 0;
  // That nothing more will come. Where there is no room for that, it goes unsaid.
  virtual void say_end() noexcept = 0;

  // Whether an answer to who the connection's is, asked for at that time, still holds.
  [[nodiscard]] virtual bool holds(std::chrono::steady_clock::time_point asked_at,
                                   std::chrono::steady_clock::time_point now) const noexcept = 0;
};

// A server's.
class Channels {
 public:
  Channels() = default;
  virtual ~Channels() = default;
  Channels(const Channels&) = delete;
  Channels& operator=(const Channels&) = delete;

  // Thread-safe, and does not outlive this. Errors: std::bad_alloc.
  [[nodiscard]] virtual std::unique_ptr<Channel> over(int socket) = 0;
  // How many may be shaking hands at once.
  [[nodiscard]] virtual std::size_t handshakes() const noexcept = 0;
};

}  // namespace behalf::http::detail
