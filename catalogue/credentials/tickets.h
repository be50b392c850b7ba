// Kerberos tickets: everybody's own cache where it is looked for, /tmp/krb5cc_UID, with her name in it.
#pragma once

#include <krb5.h>

#include <ctime>

#include "row.h"

namespace behalf_row {

struct Owner {
  const char* name;
  uid_t uid;
};
constexpr Owner owners[] = {{"root", 0}, {"alice", 3001}, {"bob", 3002}};

inline std::string cache_of(uid_t uid) {
  return "FILE:/tmp/krb5cc_" + std::to_string(uid);
}

// A ticket to get others with, by its form; no server would take it.
inline void store_ticket(krb5_context context, krb5_ccache cache, krb5_principal owner) {
  char sealed[] = "sealed", key[16] = {};
  krb5_creds ticket{};
  ticket.client = owner;
  ticket.keyblock.enctype = ENCTYPE_AES128_CTS_HMAC_SHA1_96;
  ticket.keyblock.length = sizeof key;
  ticket.keyblock.contents = reinterpret_cast<krb5_octet*>(key);
  ticket.times.endtime = static_cast<krb5_timestamp>(std::time(nullptr) + 3600);
  ticket.ticket = {0, sizeof sealed, sealed};
  krb5_build_principal(context, &ticket.server, 5, "STAGE", "krbtgt", "STAGE", nullptr);
  krb5_cc_store_cred(context, cache, &ticket);
  krb5_free_principal(context, ticket.server);
}

// What a log-in does: for all of them by root, else for the process itself.
inline void hand_out_tickets() {
  krb5_context context = nullptr;
  if (krb5_init_context(&context) != 0) return;
  for (const Owner& owner : owners) {
    if (geteuid() != 0 && geteuid() != owner.uid) continue;
    krb5_principal principal = nullptr;
    krb5_ccache cache = nullptr;
    krb5_build_principal(context, &principal, 5, "STAGE", owner.name, nullptr);
    krb5_cc_resolve(context, cache_of(owner.uid).c_str(), &cache);
    krb5_cc_initialize(context, cache, principal);
    store_ticket(context, cache, principal);
    krb5_cc_close(context, cache);
    krb5_free_principal(context, principal);
    if (chown(("/tmp/krb5cc_" + std::to_string(owner.uid)).c_str(), owner.uid, owner.uid) != 0) continue;
  }
  krb5_free_context(context);
}

// Prints whose tickets are in the cache of that name; with none, in the default one.
inline int print_whose_tickets(const char* name) {
  krb5_context context = nullptr;
  krb5_error_code failed = krb5_init_context(&context);
  if (failed != 0) return failed;
  krb5_ccache cache = nullptr;
  krb5_principal principal = nullptr;
  char* text = nullptr;
  failed = name == nullptr ? krb5_cc_default(context, &cache) : krb5_cc_resolve(context, name, &cache);
  if (failed == 0) failed = krb5_cc_get_principal(context, cache, &principal);
  if (failed == 0) failed = krb5_unparse_name(context, principal, &text);
  if (failed == 0)
    std::printf("tickets of %s\n", text);
  else
    std::printf("no tickets\n");
  krb5_free_unparsed_name(context, text);
  krb5_free_principal(context, principal);
  if (cache != nullptr) krb5_cc_close(context, cache);
  krb5_free_context(context);
  return failed;
}

}  // namespace behalf_row
