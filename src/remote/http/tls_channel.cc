#include "remote/http/tls_channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>

namespace behalf::http::detail {

namespace {

// Of what is not HTTP: a handshake, or messages after it of which TLS 1.3 has no limit. A record is 16 KiB, and the
// largest chain 32.
constexpr std::size_t most_without_data = 128 * 1024;

}  // namespace

// OpenSSL's own BIO of a socket raises SIGPIPE.
class SocketBio {
 public:
  static BIO* over(TlsChannel& channel) {
    BIO* const made = BIO_new(method());
    if (made == nullptr) throw std::bad_alloc();
    BIO_set_data(made, &channel);
    BIO_set_init(made, 1);
    return made;
  }

 private:
  static TlsChannel& channel_of(BIO* bio) noexcept { return *static_cast<TlsChannel*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* room, std::size_t size, std::size_t* got) noexcept {
    TlsChannel& channel = channel_of(bio);
    BIO_clear_retry_flags(bio);
    if (channel.without_data_ > most_without_data) return 0;
    ssize_t came = 0;
    do {
      came = ::recv(channel.socket_, room, size, MSG_DONTWAIT);
    } while (came < 0 && errno == EINTR);
    if (came < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
    if (came == 0) channel.socket_ended_ = true;
    if (came <= 0) return 0;
    *got = static_cast<std::size_t>(came);
    channel.without_data_ += *got;
    return 1;
  }

  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) noexcept {
    BIO_clear_retry_flags(bio);
    ssize_t sent = 0;
    do {
      sent = ::send(channel_of(bio).socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
    if (sent < 0) return 0;
    *written = static_cast<std::size_t>(sent);
    return 1;
  }

  static long control(BIO* bio, int command, long, void*) noexcept {
    if (command == BIO_CTRL_EOF) return channel_of(bio).socket_ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  // For as long as the process is: OpenSSL's own end may come before that of a static object's.
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "behalf's socket");
      if (fresh == nullptr) throw std::bad_alloc();
      BIO_meth_set_read_ex(fresh, read);
      BIO_meth_set_write_ex(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      return fresh;
    }();
    return made;
  }
};

TlsChannel::TlsChannel(int socket, const TlsContexts& contexts)
    : socket_(socket), contexts_(contexts), tls_(SSL_new(contexts.now().get())) {
  if (!tls_) {
    ERR_clear_error();
    throw std::bad_alloc();
  }
  BIO* const bio = SocketBio::over(*this);
  SSL_set_bio(tls_.get(), bio, bio);
  SSL_set_app_data(tls_.get(), &tried_);
  SSL_set_accept_state(tls_.get());
}

Channel::Did TlsChannel::outcome(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_NONE:
      return Did::some;
    case SSL_ERROR_WANT_READ:
      return Did::waits_to_read;
    case SSL_ERROR_WANT_WRITE:
      return Did::waits_to_write;
    case SSL_ERROR_ZERO_RETURN:
      return Did::end;
    default:
      break;
  }
  is_broken_ = true;
  return Did::failure;
}

Channel::Did TlsChannel::shake_hands() {
  ERR_clear_error();
  const Did did = outcome(SSL_do_handshake(tls_.get()));
  if (did == Did::some) without_data_ = 0;
  if (did != Did::failure && did != Did::end) return did;
  why_ = "TLS: ";
  why_ += without_data_ > most_without_data ? "the handshake is too large" : tls_error();
  const long verified = SSL_get_verify_result(tls_.get());
  if (verified != X509_V_OK) why_ += std::string(": ") + X509_verify_cert_error_string(verified);
  if (!tried_.empty()) why_ += " (tried: the certificate of " + tried_ + ")";
  return Did::failure;
}

Channel::Did TlsChannel::read(std::span<char> room, std::size_t& size) {
  ERR_clear_error();
  const Did did = outcome(SSL_read_ex(tls_.get(), room.data(), room.size(), &size));
  if (did == Did::some) without_data_ = 0;
  return did;
}

Channel::Did TlsChannel::write(std::span<const char> bytes, std::size_t& size) {
  ERR_clear_error();
  return outcome(SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &size));
}

void TlsChannel::say_end() noexcept {
  if (is_broken_ || SSL_is_init_finished(tls_.get()) == 0 || (SSL_get_shutdown(tls_.get()) & SSL_SENT_SHUTDOWN) != 0)
    return;
  ERR_clear_error();
  (void)SSL_shutdown(tls_.get());
  ERR_clear_error();
}

}  // namespace behalf::http::detail
