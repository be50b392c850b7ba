// OpenSSL's configuration of a machine of which a part is each user's own: bob's lets old algorithms in.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <fstream>

#include "row.h"

namespace behalf_row {

constexpr const char* openssl_configuration = "/tmp/openssl.cnf";

// To be called before OpenSSL is used. Each user's own part; a process that is one of them can write it for herself
// alone.
inline void configure_openssl() {
  std::ofstream(openssl_configuration) << "openssl_conf = machine\n[machine]\nproviders = providers\n"
                                          "[on]\nactivate = 1\n"
                                          "[providers]\ndefault = on\n"
                                          ".include /home/alice/openssl.cnf\n.include /home/bob/openssl.cnf\n";
  std::ofstream("/home/alice/openssl.cnf") << "# nothing\n";
  std::ofstream("/home/bob/openssl.cnf") << "legacy = on\n";
  ::setenv("OPENSSL_CONF", openssl_configuration, 1);
}

// Null is the library context of the process.
inline int print_whether_md4_is_there(OSSL_LIB_CTX* context) {
  EVP_MD* const md4 = EVP_MD_fetch(context, "MD4", nullptr);
  std::printf("MD4 is %s\n", md4 != nullptr ? "there" : "not there");
  EVP_MD_free(md4);
  return 0;
}

// With the configuration as whoever the thread is reads it.
struct OpensslContext {
  OpensslContext() : made(OSSL_LIB_CTX_new()) { OSSL_LIB_CTX_load_config(made, openssl_configuration); }
  ~OpensslContext() { OSSL_LIB_CTX_free(made); }
  OpensslContext(const OpensslContext&) = delete;
  OpensslContext& operator=(const OpensslContext&) = delete;

  OSSL_LIB_CTX* made;
};

}  // namespace behalf_row
