#include "remote/http/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <new>

#include "behalf/error.h"
#include "remote/http/certificate.h"

namespace behalf::http::detail {

namespace {

constexpr int security = 2;       // 112 bits (SSL_CTX_get_security_level(3)), whatever openssl.cnf has
constexpr int longest_chain = 8;  // between a client's certificate and the authority
constexpr int largest_chain = 32 * 1024;

[[noreturn]] void fail(const std::string& what) {
  throw Error(Error::Reason::not_usable, "behalf: http: TLS: " + what + ": " + tls_error());
}

// Nobody is asked for a password at a terminal.
int no_password(char*, int, int, void*) noexcept {
  return -1;
}

void read_own(SSL_CTX* context, const TlsOptions& options) {
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()) != 1)
    fail("read the server's certificate " + options.certificate);
  struct stat found {};
  if (::stat(options.key.c_str(), &found) == 0 && (found.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    throw Error(Error::Reason::not_usable, "behalf: http: TLS: everybody may read or write the server's key " +
                                               options.key + ", and could be the server; chmod o= it");
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1)
    fail("read the key of the server's certificate " + options.key);
}

// Whether an authority that was named is still one is said by its being named: a list of those above it, who were not,
// is not asked for.
int except_authority(int good, X509_STORE_CTX* chain) noexcept {
  if (good == 1 || X509_STORE_CTX_get_error(chain) != X509_V_ERR_UNABLE_TO_GET_CRL) return good;
  const int depth = X509_STORE_CTX_get_error_depth(chain);
  if (depth == 0 || depth != sk_X509_num(X509_STORE_CTX_get0_chain(chain)) - 1) return good;
  X509_STORE_CTX_set_error(chain, X509_V_OK);
  return 1;
}

void read_authorities(SSL_CTX* context, const TlsOptions& options) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  // What is sent to clients for their choice: names, which they may have several certificates of.
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(options.authorities.c_str());
  if (names == nullptr) fail("read the authorities " + options.authorities);
  SSL_CTX_set_client_CA_list(context, names);
  X509_LOOKUP* const file = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  if (file == nullptr || X509_load_cert_file(file, options.authorities.c_str(), X509_FILETYPE_PEM) < 1)
    fail("read the authorities " + options.authorities);
  X509_VERIFY_PARAM* const how = X509_STORE_get0_param(store);
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (!options.revoked.empty()) {
    if (X509_load_crl_file(file, options.revoked.c_str(), X509_FILETYPE_PEM) < 1)
      fail("read the revocation lists " + options.revoked);
    X509_STORE_set_verify_cb(store, except_authority);
    flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  }
  X509_VERIFY_PARAM_set_flags(how, flags);
  X509_VERIFY_PARAM_set_depth(how, longest_chain);
  X509_VERIFY_PARAM_set_auth_level(how, security);
}

// Another protocol's client, whom somebody has led here, is not spoken to (RFC 7301; RFC 9325, 3.7).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int size, void*) noexcept {
  static constexpr std::array<unsigned char, 9> ours = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* into = nullptr;
  const int found = SSL_select_next_proto(&into, length, ours.data(), ours.size(), offered, size);
  *chosen = into;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int verify(X509_STORE_CTX* chain, void*) noexcept {
  if (holds(*chain)) return 1;
  try {
    const auto* const connection =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    *static_cast<std::string*>(SSL_get_app_data(connection)) =
        text_of(*X509_get_subject_name(X509_STORE_CTX_get0_cert(chain)));
  } catch (const std::bad_alloc&) {  // refused it is all the same
  }
  return 0;
}

}  // namespace

std::string tls_error() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) return "the connection ended";
  if (const char* const words = ERR_reason_error_string(error)) return words;
  std::array<char, 120> code{};
  ERR_error_string_n(error, code.data(), code.size());
  return code.data();
}

std::shared_ptr<SSL_CTX> read_tls_context(const TlsOptions& options) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()), FreeTls());
  if (!made) throw Error(Error::Reason::out_of_resources, "behalf: http: TLS: " + tls_error());
  SSL_CTX* const context = made.get();
  SSL_CTX_clear_options(context, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_ALLOW_CLIENT_RENEGOTIATION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);  // a record's length and the rest of it by one system call
  SSL_CTX_set_max_cert_list(context, largest_chain);
  SSL_CTX_set_default_passwd_cb(context, no_password);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (SSL_CTX_get_security_level(context) < security) SSL_CTX_set_security_level(context, security);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(context, 0) != 1 ||
      SSL_CTX_set_num_tickets(context, 0) != 1 || SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    fail("set what is spoken");
  read_own(context, options);
  if (options.clients == TlsOptions::Clients::not_asked) return made;
  read_authorities(context, options);
  SSL_CTX_set_verify(context,
                     options.clients == TlsOptions::Clients::must_show
                         ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                         : SSL_VERIFY_PEER,
                     nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
  return made;
}

}  // namespace behalf::http::detail
