// negotiate(): who asks, as the Kerberos tickets say that they hold anyway: RFC 4559, as browsers and curl(1) speak it.
//
//   behalf::http::Server server(behalf::http::listen_loopback(8080),
//                               behalf::http::negotiate("/etc/gateway/keytab", "HTTP@www.example.org"), handler);
//
// A component of its own: link behalf::http_negotiate, which stands on behalf::kerberos.
#pragma once

#include <string>

#include "behalf/http.h"
#include "behalf/level.h"

namespace behalf::http {

struct NegotiateOptions {
  // With `delegation`, whoever forwards tickets is of that level, and the handler goes on to other services in their
  // name (kerberos.h): it holds them until the response has been sent. Otherwise they are not kept.
  Level takes = Level::impersonation;
};

// For that service, as "HTTP@HOST", whose keys are in the keytab. Kerberos alone, with SPNEGO around it or without; no
// NTLM.
//
// Each request proves for itself whose it is, by a token that is good once (for this machine): who asks on a connection
// is not who asked before. The client is told so ("Persistent-Auth: false"), and proves anew with each request; the
// server proves itself in the response. A handshake of several legs, which is what remains where a client's first guess
// is not Kerberos, is refused: what it has come to would have to be kept for a connection, which may be a proxy's.
//
// What is proved is who asks, not what: on a way that others can read or write, use TLS.
//
// The authenticator: 401 where there is no token, or it is none, expired, too early, for another service, or was shown
// before; 403 where its principal is no account here, or not one that may be impersonated, or the tickets that came
// along are another's. Errors: Error of reason not_usable where there are no keys (the client is told 503).
// Thread-safe. Cost of a request: that of two files, and Token::for_user().
[[nodiscard]] Authenticator negotiate(const std::string& keytab, const std::string& service,
                                      const NegotiateOptions& options = {});

}  // namespace behalf::http
