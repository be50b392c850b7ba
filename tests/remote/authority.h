// A certification authority of a test's own: its certificates, with what may be wrong with one, and its revocations.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace behalf::testing {

// What a certificate says.
struct Says {
  std::vector<std::pair<std::string, std::string>> subject;  // {"CN", "alice"}, the largest part first
  std::string usage = "clientAuth";                          // extended; empty: not said
  std::string alternative_names{};                           // as in x509v3_config(5); empty: none
  std::time_t from = -3600;                                  // seconds from now
  std::time_t until = 3600;
  bool may_sign = false;
};

// In files beginning with its place: PLACE.pem, PLACE.key.
class Authority {
 public:
  // Its own root.
  Authority(const std::string& place, const Says& says);

  // Makes a key, and a certificate of it, followed by this authority's unless it is a root: NAME.pem and NAME.key.
  void certify(const std::string& name, const Says& says);
  // One that may sign.
  [[nodiscard]] Authority appoint(const std::string& place, Says says);

  // The list has that one, too, from the next list() on.
  void revoke(const std::string& name);
  // What is revoked, in force from then until then. PLACE.crl.
  void list(std::time_t from = -60, std::time_t until = 3600);

 private:
  struct Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  Authority() = default;
  [[nodiscard]] std::unique_ptr<X509, Free> sign(EVP_PKEY* key, const Says& says, const X509* by) const;
  static void write(const std::string& place, const std::vector<const X509*>& chain, EVP_PKEY* key);

  std::string place_;
  bool is_root_ = true;
  std::unique_ptr<X509, Free> certificate_;
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::vector<std::string> revoked_;
};

}  // namespace behalf::testing
