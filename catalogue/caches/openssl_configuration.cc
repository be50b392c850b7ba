#include "caches/openssl.h"

#include <behalf/per_identity.h>

BEHALF_ROW(R"(
title:  EVP_MD_fetch, the first use of OpenSSL
works:  none
hop:    cache
clock:  first-caller
wrong:  OpenSSL reads its configuration once, as whoever uses it first: what that user may read, and may not, is decided
        for everybody
cure:   OSSL_LIB_CTX_load_config into a context for each identity: behalf::per_identity<T>; where the configuration is the
        machine's, behalf::warm_up() at start-up
needs:  libcrypto
source: OPENSSL_init_crypto(3), OPENSSL_INIT_LOAD_CONFIG; config(5)
)")

extern "C" void before() {
  behalf_row::configure_openssl();
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  return behalf_row::print_whether_md4_is_there(nullptr);
}

extern "C" int cured() {
  static behalf::per_identity<behalf_row::OpensslContext> contexts([] { return behalf_row::OpensslContext(); });
  return behalf_row::print_whether_md4_is_there(contexts.get()->made);
}
