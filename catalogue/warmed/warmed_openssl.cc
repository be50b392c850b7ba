#include "caches/openssl.h"

#include <behalf/per_identity.h>
#include <behalf/warm_up.h>

BEHALF_ROW(R"(
title:  EVP_MD_fetch, OpenSSL warmed up
works:  none
hop:    cache
clock:  process
wrong:  behalf::warm_up() has let OpenSSL read its configuration as the service: nobody gets what the first user might
        read any more, and everybody gets what the service may. Where all may read it, that is the same
cure:   OSSL_LIB_CTX_load_config into a context for each identity: behalf::per_identity<T>
needs:  libcrypto
source: OPENSSL_init_crypto(3), OPENSSL_INIT_LOAD_CONFIG; config(5)
)")

extern "C" void before() {
  behalf_row::configure_openssl();
  behalf::warm_up();
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
