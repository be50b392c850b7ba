// The client's end of HTTP over TLS.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <functional>
#include <memory>
#include <string>

#include "http_client.h"

namespace behalf::testing {

// OpenSSL's writing raises SIGPIPE where the server has hung up; the server's own threads are not to be kept from it.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec at_once{};
    while (::sigtimedwait(&pipe_, nullptr, &at_once) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

class TlsClient : public HttpClient {
 public:
  // With that certificate (NAME.pem, NAME.key), or none where it is empty.
  explicit TlsClient(std::uint16_t port, const std::string& shows = {}, const std::function<void(SSL*)>& prepare = {},
                     const std::function<void(int socket)>& before = {})
      : HttpClient(port, before), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_mode(context_.get(), SSL_MODE_AUTO_RETRY);
    if (!shows.empty()) {
      must(SSL_CTX_use_certificate_chain_file(context_.get(), (shows + ".pem").c_str()) == 1 &&
               SSL_CTX_use_PrivateKey_file(context_.get(), (shows + ".key").c_str(), SSL_FILETYPE_PEM) == 1,
           "read " + shows);
    }
    tls_.reset(SSL_new(context_.get()));
    SSL_set_fd(tls_.get(), socket());
    if (prepare) prepare(tls_.get());
    const WithoutSigpipe safe;
    is_open_ = SSL_connect(tls_.get()) == 1;
    if (!is_open_) note();
  }

  // As far as the client knows: with TLS 1.3 its certificate has not been judged then.
  [[nodiscard]] bool is_open() const { return is_open_; }
  // Whether the server has said that no more comes, before the connection ended.
  [[nodiscard]] bool was_told_the_end() const {
    return (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0 && !was_alerted_;
  }
  // What the server has said was wrong, in OpenSSL's words.
  [[nodiscard]] const std::string& alert() const { return alert_; }
  SSL* tls() { return tls_.get(); }
  void hang_up_without_a_word() { say_no_more(); }
  [[nodiscard]] int raw() const { return socket(); }

 protected:
  ssize_t transmit(std::string_view text) override {
    const WithoutSigpipe safe;
    const int sent = SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()));
    if (sent <= 0) note();
    return sent;
  }
  ssize_t receive(char* piece, std::size_t size) override {
    const WithoutSigpipe safe;
    errno = 0;
    const int got = SSL_read(tls_.get(), piece, static_cast<int>(size));
    if (got > 0) return got;
    note();
    return was_told_the_end() || errno != EAGAIN ? 0 : -1;
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  void note() {
    const int saved = errno;
    if (const unsigned long error = ERR_peek_last_error()) {
      const char* const words = ERR_reason_error_string(error);
      alert_ = words != nullptr ? words : "?";
      was_alerted_ = true;
      ERR_clear_error();
    }
    errno = saved;
  }

  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> tls_;
  bool is_open_ = false;
  bool was_alerted_ = false;
  std::string alert_;
};

}  // namespace behalf::testing
