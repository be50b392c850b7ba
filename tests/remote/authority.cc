#include "authority.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>

#include "child.h"

namespace behalf::testing {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File open(const std::string& path, const char* mode) {
  File file(std::fopen(path.c_str(), mode));
  must(file != nullptr, "open " + path);
  return file;
}

void add_extension(X509* to, const X509* by, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, const_cast<X509*>(by), to, nullptr, nullptr, 0);
  X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  must(made != nullptr && X509_add_ext(to, made, -1) == 1, "an extension: " + value);
  X509_EXTENSION_free(made);
}

void set_name(X509_NAME* name, const Says& says) {
  for (const auto& [kind, text] : says.subject) {
    must(X509_NAME_add_entry_by_txt(name, kind.c_str(), MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()),
                                    -1, 0) == 1,
         "a name");
  }
}

}  // namespace

Authority::Authority(const std::string& place, const Says& says) : place_(place), key_(EVP_EC_gen("P-256")) {
  Says own = says;
  own.may_sign = true;
  own.usage.clear();
  certificate_ = sign(key_.get(), own, nullptr);
  write(place_, {certificate_.get()}, key_.get());
}

Authority Authority::appoint(const std::string& place, Says says) {
  Authority made;
  made.place_ = place;
  made.is_root_ = false;
  made.key_.reset(EVP_EC_gen("P-256"));
  says.may_sign = true;
  says.usage.clear();
  made.certificate_ = sign(made.key_.get(), says, certificate_.get());
  write(place, {made.certificate_.get()}, made.key_.get());
  return made;
}

void Authority::certify(const std::string& name, const Says& says) {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const auto made = sign(key.get(), says, certificate_.get());
  std::vector<const X509*> chain = {made.get()};
  if (!is_root_) chain.push_back(certificate_.get());
  write(name, chain, key.get());
}

std::unique_ptr<X509, Authority::Free> Authority::sign(EVP_PKEY* key, const Says& says, const X509* by) const {
  static std::atomic<long> serial{1};
  std::unique_ptr<X509, Free> made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  set_name(X509_get_subject_name(made.get()), says);
  X509_set_issuer_name(made.get(), X509_get_subject_name(by != nullptr ? by : made.get()));
  X509_gmtime_adj(X509_getm_notBefore(made.get()), says.from);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), says.until);
  X509_set_pubkey(made.get(), key);
  if (by == nullptr) by = made.get();
  add_extension(made.get(), by, NID_basic_constraints, says.may_sign ? "critical,CA:TRUE" : "CA:FALSE");
  add_extension(made.get(), by, NID_key_usage, says.may_sign ? "critical,keyCertSign,cRLSign" : "digitalSignature");
  add_extension(made.get(), by, NID_subject_key_identifier, "hash");
  add_extension(made.get(), by, NID_authority_key_identifier, "keyid");
  if (!says.usage.empty()) add_extension(made.get(), by, NID_ext_key_usage, says.usage);
  if (!says.alternative_names.empty()) add_extension(made.get(), by, NID_subject_alt_name, says.alternative_names);
  must(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0, "sign");
  return made;
}

void Authority::write(const std::string& place, const std::vector<const X509*>& chain, EVP_PKEY* key) {
  const File certificates = open(place + ".pem", "w");
  for (const X509* const each : chain) must(PEM_write_X509(certificates.get(), each) == 1, "write a certificate");
  const mode_t before = ::umask(0077);
  const File keys = open(place + ".key", "w");
  ::umask(before);
  must(PEM_write_PrivateKey(keys.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "write a key");
}

void Authority::revoke(const std::string& name) {
  revoked_.push_back(name);
}

void Authority::list(std::time_t from, std::time_t until) {
  X509_CRL* const made = X509_CRL_new();
  X509_CRL_set_version(made, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(made, X509_get_subject_name(certificate_.get()));
  ASN1_TIME* const when = ASN1_TIME_new();
  X509_CRL_set1_lastUpdate(made, X509_gmtime_adj(when, from));
  X509_CRL_set1_nextUpdate(made, X509_gmtime_adj(when, until));
  for (const std::string& each : revoked_) {
    const std::unique_ptr<X509, Free> certificate(
        PEM_read_X509(open(each + ".pem", "r").get(), nullptr, nullptr, nullptr));
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.get()));
    X509_REVOKED_set_revocationDate(entry, X509_gmtime_adj(when, -30));
    X509_CRL_add0_revoked(made, entry);
  }
  ASN1_TIME_free(when);
  X509_CRL_sort(made);
  must(X509_CRL_sign(made, key_.get(), EVP_sha256()) > 0, "sign a list");
  must(PEM_write_X509_CRL(open(place_ + ".crl", "w").get(), made) == 1, "write a list");
  X509_CRL_free(made);
}

}  // namespace behalf::testing
