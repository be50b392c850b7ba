// Tls: HTTP over TLS, and who asks by the certificate that the client shows.
//
//   const behalf::http::Tls tls({.certificate = "/etc/gateway/server.pem",
//                                .key = "/etc/gateway/server.key",
//                                .authorities = "/etc/gateway/people-ca.pem",
//                                .revoked = "/etc/gateway/people-ca.crl"});
//   behalf::http::Server server(
//       std::move(listener),
//       behalf::http::certificates(behalf::http::listed(
//           {{.authority = "CN=People CA,O=Example", .subject = "CN=Alice Arnold,O=Example", .account = "alice"}})),
//       handler, {.through = tls.channels()});
//
// TLS 1.2 with ephemeral keys and authenticated ciphers, and 1.3. There is no resumption, by ticket or by session: who
// connects shows the certificate and proves the key each time, and nothing brings back an identity that was taken away
// since. No renegotiation, no compression, no early data. A handshake is run as the service.
//
// What a certificate says is what an authority says, of its own names; which of them are accounts here is for the
// operator to say. So there is no default: listed() is each one's account, certificate by certificate.
// common_name_is_account() is for an authority that was made for this, and has to be asked for by that name: any other,
// the company's or the public's, gives a certificate for "CN=root" or "CN=alice" to whoever is called that, somewhere.
//
// A component of its own: link behalf::http_tls, which stands on OpenSSL's libssl.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "behalf/http.h"

namespace behalf::http {

// Files are in PEM, and are read as the service, when a Tls is made and when it is told to; never while it serves.
struct TlsOptions {
  std::string certificate{};  // the server's, and after it those between it and its root
  std::string key{};          // of that certificate, without a password; not for everybody to read

  // What is asked of a client. Whoever shows a certificate that does not hold is refused in either case.
  enum class Clients {
    must_show,  // no certificate, no connection
    may_show,   // certificate_of() is nothing where there is none: for an authenticator that knows another way
    not_asked,  // TLS alone, for basic() and negotiate()
  } clients = Clients::must_show;

  // Those whose word is taken for who a client is, and nobody else's: the machine's own authorities are not asked. Each
  // is trusted as it is, a root or not: name the one that signs people, not the root above it.
  std::string authorities{};
  // Their revocation lists. Where it is said, whoever signed a certificate of a client's chain has one there that is in
  // force, or the certificate does not hold. Empty: nothing is known of revocations.
  std::string revoked{};

  // How long what was found out on a connection holds: the chain is verified and the account asked for again with the
  // first request after that, and after Tls::read_anew(). So a certificate that has run out, or was revoked, is no
  // longer somebody on the connections that it has opened.
  std::chrono::milliseconds holds{30'000};

  // Connections that have not come to the end of their handshakes: beyond, new ones are closed. Each costs tens of
  // kilobytes, and a thread the time of a signature and of verifying the client's chain. ServerOptions::header_time
  // says how long one may take.
  std::size_t handshakes = 256;
};

class Tls {
 public:
  // Effects: reads the files, as the service, whoever the caller is. Errors: Error of reason not_initialized;
  // not_usable where a file cannot be read or is not what it should be, or the key is not the certificate's or may be
  // read by everybody; std::invalid_argument where clients are asked and there are no authorities, or are not asked and
  // there are.
  explicit Tls(TlsOptions options);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // For ServerOptions::through, of as many servers as there are. It may outlive this object.
  // Errors: none. Cost: no system call.
  [[nodiscard]] std::shared_ptr<detail::Channels> channels() const noexcept;

  // Effects: reads the files again, for the connections that come, and for who asks on those that are there: for who
  // has new revocation lists or a new certificate. Errors: as the constructor; what was read before stays then.
  // Thread-safe.
  void read_anew();

 private:
  class Contexts;
  std::shared_ptr<Contexts> contexts_;
};

// A client's, whose chain ends with one of TlsOptions::authorities, is in force and not revoked, says that it is meant
// for TLS clients (an extended key usage of clientAuth, in so many words), and whose key the client has.
struct Certificate {
  // As in RFC 4514, the last part first ("CN=Alice Arnold,O=Example"); what is not ASCII is written \XX. The same name
  // is the same text, and another's is not.
  std::string subject{};
  // The subject of that one of the authorities: not of who signed it, since whom an authority lets sign may call
  // himself as another authority does.
  std::string authority{};
  std::string sha256{};  // of all of it, in small hexadecimal digits: the certificate itself, and no other

  // What the authority calls whom it is for, in the order of the certificate. One of whose names has control characters
  // is taken for no certificate: it is not read alike by everybody.
  std::vector<std::string> common_names{};
  std::vector<std::string> emails{};  // these of the subject's alternative names
  std::vector<std::string> uris{};
  std::vector<std::string> dns_names{};
};

// What the client of a request has shown, as far as it still holds; nothing where there is no TLS, no certificate, or
// none that holds any longer. For an authenticator, while it runs. Errors: std::bad_alloc.
// Thread-safe. Cost: a signature is verified for each certificate of the chain; no system call.
[[nodiscard]] std::optional<Certificate> certificate_of(const Client& client);

// The name of whose account it is; nothing: nobody's.
using AccountOf = std::function<std::optional<std::string>(const Certificate&)>;

// Whoever's account the certificate is: for the connection, within TlsOptions::holds. 403 where there is none or it
// holds no longer, it is nobody's, or that account does not exist or may not be impersonated, root's to begin with: a
// certificate cannot be asked for by a status of HTTP's.
//
// The authenticator: errors: those of `account_of`, and of Token::for_user() but for these. Thread-safe as far as
// `account_of` is. Cost: certificate_of() and Token::for_user().
// Errors: std::invalid_argument where `account_of` is empty.
[[nodiscard]] Authenticator certificates(AccountOf account_of);

// Whose certificate is whose account: both names as they are in a Certificate, to the letter.
struct Listed {
  std::string authority{};
  std::string subject{};
  std::string account{};
};

// Those, and nobody else. Errors: std::invalid_argument where a name is empty or two say what one certificate is.
// The function: errors: none; thread-safe; cost: no system call.
[[nodiscard]] AccountOf listed(std::vector<Listed> all);

// The common name, where there is one and no more, of who was certified by that authority (Certificate::authority) and
// no other. Whoever may have it sign can be any account here that may be impersonated. Errors: std::invalid_argument
// where the authority is not named. The function: errors: none; thread-safe; cost: no system call.
[[nodiscard]] AccountOf common_name_is_account(std::string authority);

}  // namespace behalf::http
