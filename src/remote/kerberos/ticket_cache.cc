#include "remote/kerberos/ticket_cache.h"

#include <memory>

#include "behalf/error.h"
#include "remote/kerberos/gss.h"

namespace behalf::detail {

TicketCache::TicketCache() {
  krb5_error_code failure = krb5_init_context(&context_);
  if (failure == 0) failure = krb5_cc_new_unique(context_, "MEMORY", nullptr, &cache_);
  char* name = nullptr;
  if (failure == 0) failure = krb5_cc_get_full_name(context_, cache_, &name);
  if (failure == 0) {
    name_ = name;
    krb5_free_string(context_, name);
    return;
  }
  const char* const words = krb5_get_error_message(context_, failure);
  const std::string why = std::string("behalf: Kerberos: make a cache for tickets in memory: ") + words;
  krb5_free_error_message(context_, words);
  if (cache_ != nullptr) (void)krb5_cc_destroy(context_, cache_);
  krb5_free_context(context_);
  throw Error(Error::Reason::platform, why);
}

TicketCache::~TicketCache() {
  (void)krb5_cc_destroy(context_, cache_);
  krb5_free_context(context_);
}

Tickets keep(gss_cred_id_t tickets) {
  auto cache = std::make_shared<const TicketCache>();
  gss_key_value_element_desc element{"ccache", cache->name().c_str()};
  const gss_key_value_set_desc place{1, &element};
  OM_uint32 minor = 0;
  const OM_uint32 major =
      gss_store_cred_into(&minor, tickets, GSS_C_INITIATE, gss_mech_krb5, 1, 0, &place, nullptr, nullptr);
  if (GSS_ERROR(major))
    throw Error(Error::Reason::platform, "behalf: Kerberos: keep a client's tickets: " + in_words(major, minor));
  std::string name = cache->name();
  return {std::move(name), std::move(cache)};
}

bool can_be_presented(const Tickets& tickets) {
  krb5_context context = nullptr;
  if (krb5_init_context(&context) != 0) return false;
  krb5_ccache cache = nullptr;
  krb5_principal whose = nullptr;
  krb5_cc_cursor cursor = nullptr;
  bool can = false;
  if (krb5_cc_resolve(context, tickets.place.c_str(), &cache) == 0 &&
      krb5_cc_get_principal(context, cache, &whose) == 0 && krb5_cc_start_seq_get(context, cache, &cursor) == 0) {
    for (krb5_creds each{}; krb5_cc_next_cred(context, cache, &cursor, &each) == 0;
         krb5_free_cred_contents(context, &each)) {
      can = can ||
            (krb5_principal_compare(context, each.client, whose) != 0 &&
             krb5_is_config_principal(context, each.server) == 0 && (each.ticket_flags & TKT_FLG_FORWARDABLE) != 0);
    }
    (void)krb5_cc_end_seq_get(context, cache, &cursor);
  }
  krb5_free_principal(context, whose);
  if (cache != nullptr) (void)krb5_cc_close(context, cache);
  krb5_free_context(context);
  return can;
}

}  // namespace behalf::detail
