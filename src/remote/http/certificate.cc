#include "remote/http/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include "remote/http/tls_context.h"

namespace behalf::http::detail {

namespace {

// In UTF-8. Whether it is to be had, and has nothing that one reader takes for its end and another does not.
bool add_plain(const ASN1_STRING* string, std::vector<std::string>& to) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, string);
  if (size < 0) return false;
  to.emplace_back(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return std::none_of(to.back().begin(), to.back().end(),
                      [](unsigned char each) { return each < ' ' || each == 0x7f; });
}

bool read_common_names(const X509_NAME* name, Certificate& into) {
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) {
    if (!add_plain(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), into.common_names)) return false;
  }
  return true;
}

bool read_alternative_names(const X509* certificate, Certificate& into) {
  int critical = 0;
  const std::unique_ptr<GENERAL_NAMES, FreeTls> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (!names) return critical == -1;  // there are none; otherwise they are there, and cannot be read
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    std::vector<std::string>* const kind = type == GEN_EMAIL ? &into.emails
                                           : type == GEN_URI ? &into.uris
                                           : type == GEN_DNS ? &into.dns_names
                                                             : nullptr;
    if (kind != nullptr && !add_plain(static_cast<const ASN1_STRING*>(value), *kind)) return false;
  }
  return true;
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) throw std::bad_alloc();
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 15U];
  }
  return text;
}

// Nothing: its names are not read alike by everybody.
std::optional<Certificate> read(const X509* certificate, const X509* authority) {
  Certificate made{.subject = text_of(*X509_get_subject_name(certificate)),
                   .authority = text_of(*X509_get_subject_name(authority)),
                   .sha256 = fingerprint_of(certificate)};
  if (!read_common_names(X509_get_subject_name(certificate), made) || !read_alternative_names(certificate, made))
    return std::nullopt;
  return made;
}

}  // namespace

std::string text_of(const X509_NAME& name) {
  const std::unique_ptr<BIO, FreeTls> memory(BIO_new(BIO_s_mem()));
  if (!memory || X509_NAME_print_ex(memory.get(), &name, 0, XN_FLAG_RFC2253) < 0) throw std::bad_alloc();
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool holds(X509_STORE_CTX& chain) noexcept {
  if (X509_verify_cert(&chain) != 1) return false;
  // A certificate that does not say what it is for is for anything, as far as X509_verify_cert(3) goes: for one that
  // an authority has given to a server or to read mail with, being a person here was never meant.
  X509* const client = X509_STORE_CTX_get0_cert(&chain);
  const bool is_for_clients = (X509_get_extension_flags(client) & EXFLAG_XKUSAGE) != 0 &&
                              (X509_get_extended_key_usage(client) & XKU_SSL_CLIENT) != 0;
  if (!is_for_clients) X509_STORE_CTX_set_error(&chain, X509_V_ERR_INVALID_PURPOSE);
  return is_for_clients;
}

Judged judge(const SSL& connection, const SSL_CTX& by) {
  X509* const shown = SSL_get0_peer_certificate(&connection);
  if (shown == nullptr) return {.certificate = {}, .why = "no certificate was shown"};
  const std::unique_ptr<X509_STORE_CTX, FreeTls> chain(X509_STORE_CTX_new());
  X509_STORE* const store = SSL_CTX_get_cert_store(&by);
  if (!chain || X509_STORE_CTX_init(chain.get(), store, shown, SSL_get_peer_cert_chain(&connection)) != 1 ||
      X509_STORE_CTX_set_default(chain.get(), "ssl_client") != 1)
    throw std::bad_alloc();
  if (!holds(*chain)) {
    std::string why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain.get()));
    ERR_clear_error();
    return {.certificate = {}, .why = why + ": " + text_of(*X509_get_subject_name(shown))};
  }
  const STACK_OF(X509)* const whole = X509_STORE_CTX_get0_chain(chain.get());
  std::optional<Certificate> found = read(shown, sk_X509_value(whole, sk_X509_num(whole) - 1));
  std::string why = found ? "" : "a name has control characters: " + text_of(*X509_get_subject_name(shown));
  return {.certificate = std::move(found), .why = std::move(why)};
}

}  // namespace behalf::http::detail
