// A connection over TLS, as its server's loop sees it; the socket is read and written by OpenSSL without waiting.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "remote/http/certificate.h"
#include "remote/http/channel.h"
#include "remote/http/tls_context.h"

namespace behalf::http::detail {

// The contexts that a Tls has read.
class TlsContexts : public Channels {
 public:
  // As the last files have it. Thread-safe.
  [[nodiscard]] virtual std::shared_ptr<SSL_CTX> now() const = 0;
  // Whether what was found out at `then` is so still.
  [[nodiscard]] virtual bool hold(std::chrono::steady_clock::time_point then,
                                  std::chrono::steady_clock::time_point now) const noexcept = 0;
};

class TlsChannel final : public Channel {
 public:
  // Errors: std::bad_alloc.
  TlsChannel(int socket, const TlsContexts& contexts);

  Did shake_hands() override;
  [[nodiscard]] std::string why() const override { return why_; }
  Did read(std::span<char> room, std::size_t& size) override;
  Did write(std::span<const char> bytes, std::size_t& size) override;
  void say_end() noexcept override;
  [[nodiscard]] bool holds(std::chrono::steady_clock::time_point asked_at,
                           std::chrono::steady_clock::time_point now) const noexcept override {
    return contexts_.hold(asked_at, now);
  }

  // What the client has shown. While the loop leaves the connection alone.
  [[nodiscard]] Judged certificate() const { return judge(*tls_, *contexts_.now()); }

 private:
  friend class SocketBio;
  Did outcome(int result);

  const int socket_;
  const TlsContexts& contexts_;
  std::unique_ptr<SSL, FreeTls> tls_;
  bool socket_ended_ = false;
  bool is_broken_ = false;
  std::size_t without_data_ = 0;  // bytes of the socket, since the last of HTTP's
  std::string tried_;             // the subject of a certificate that does not hold
  std::string why_;
};

}  // namespace behalf::http::detail
