#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "behalf/http_tls.h"
#include "behalf/impersonation.h"
#include "identity/service.h"
#include "remote/http/tls_channel.h"
#include "transfer/later.h"

namespace behalf::http {

using Clock = std::chrono::steady_clock;

class Tls::Contexts final : public detail::TlsContexts {
 public:
  explicit Contexts(TlsOptions options) : options_(std::move(options)) {
    if ((options_.clients != TlsOptions::Clients::not_asked) == options_.authorities.empty()) {
      throw std::invalid_argument(options_.authorities.empty()
                                      ? "behalf: http: TLS: whose word is taken for who a client is? Name authorities"
                                      : "behalf: http: TLS: there are authorities, and clients are not asked");
    }
    if (options_.clients == TlsOptions::Clients::not_asked && !options_.revoked.empty())
      throw std::invalid_argument("behalf: http: TLS: there are revocation lists, and clients are not asked");
    read();
  }

  void read() {
    const AsService self;
    std::shared_ptr<SSL_CTX> fresh = detail::read_tls_context(options_);
    const std::lock_guard lock(mutex_);
    now_ = std::move(fresh);
    read_at_ = Clock::now().time_since_epoch().count();
  }

  std::unique_ptr<detail::Channel> over(int socket) override {
    return std::make_unique<detail::TlsChannel>(socket, *this);
  }
  [[nodiscard]] std::size_t handshakes() const noexcept override { return options_.handshakes; }
  [[nodiscard]] std::shared_ptr<SSL_CTX> now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  [[nodiscard]] bool hold(Clock::time_point then, Clock::time_point now) const noexcept override {
    return then.time_since_epoch().count() > read_at_ && now < behalf::detail::later(then, options_.holds);
  }

 private:
  const TlsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> now_;
  std::atomic<Clock::rep> read_at_{0};
};

Tls::Tls(TlsOptions options) {
  (void)behalf::detail::service_for("serve TLS");
  contexts_ = std::make_shared<Contexts>(std::move(options));
}

Tls::~Tls() = default;

std::shared_ptr<detail::Channels> Tls::channels() const noexcept {
  return contexts_;
}

void Tls::read_anew() {
  contexts_->read();
}

}  // namespace behalf::http
