// What all connections over TLS have in common, once the files have been read.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "behalf/http_tls.h"

namespace behalf::http::detail {

struct FreeTls {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* connection) const noexcept { SSL_free(connection); }
  void operator()(X509_STORE_CTX* context) const noexcept { X509_STORE_CTX_free(context); }
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

// Reads the files, as the calling thread. A connection's app data is a std::string: there the subject goes of a
// certificate that does not hold. Errors: Error of reason not_usable, out_of_resources.
std::shared_ptr<SSL_CTX> read_tls_context(const TlsOptions& options);

// The last error of OpenSSL's on this thread, in words; its queue is empty then.
std::string tls_error();

}  // namespace behalf::http::detail
