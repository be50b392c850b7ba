#include <krb5.h>

#include "row.h"

BEHALF_ROW(R"(
title:  krb5_cc_default_name (Kerberos tickets)
works:  full
hop:    real-id
clock:  real-id
wrong:  %{uid} in the default name is the real uid: the service's own tickets are taken, or the spare account's; where
        KRB5CCNAME is set, everybody gets that
cure:   name the cache: krb5_cc_set_default_name, or the cred store of gss_acquire_cred_from
needs:  krb5
source: krb5.conf(5) "Parameter expansion"
)")

extern "C" int operation() {
  krb5_context context = nullptr;
  if (const krb5_error_code failed = krb5_init_context(&context)) return failed;
  std::printf("the tickets are in %s\n", krb5_cc_default_name(context));
  krb5_free_context(context);
  return 0;
}

extern "C" int cured() {
  krb5_context context = nullptr;
  if (const krb5_error_code failed = krb5_init_context(&context)) return failed;
  const std::string name = "FILE:/tmp/krb5cc_" + std::to_string(geteuid());
  krb5_cc_set_default_name(context, name.c_str());
  std::printf("the tickets are in %s\n", krb5_cc_default_name(context));
  krb5_free_context(context);
  return 0;
}
