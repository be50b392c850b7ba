// A client's certificate: whether its chain holds, and what it says.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>

#include "behalf/http_tls.h"

namespace behalf::http::detail {

// Whether the chain in that context leads to one of its authorities, and is a TLS client's. Where it does not, the
// context's error says why.
bool holds(X509_STORE_CTX& chain) noexcept;

// What a chain has come to.
struct Judged {
  std::optional<Certificate> certificate;
  std::string why;  // there is none
};

// Of what the client of a connection has shown, by what is known in that context now. Errors: std::bad_alloc.
Judged judge(const SSL& connection, const SSL_CTX& by);

// As in RFC 4514. Errors: std::bad_alloc.
std::string text_of(const X509_NAME& name);

}  // namespace behalf::http::detail
