#include <behalf/kerberos.h>
#include <gssapi/gssapi.h>

#include "credentials/tickets.h"
#include "row.h"

BEHALF_ROW(R"(
title:  gss_acquire_cred without a name (libpq, libcurl, libldap)
works:  full
hop:    real-id
clock:  real-id
wrong:  GSS-API takes the default cache, which is that of the real uid: a server on another machine is shown the service's
        tickets, or none
cure:   behalf::ThreadTickets around the call, or gss_acquire_cred_from with the name of the cache
needs:  krb5 krb5-gssapi behalf::kerberos
source: RFC 2744, 5.2; krb5.conf(5) "default_ccache_name"
)")

extern "C" void before() {
  behalf_row::hand_out_tickets();
}
extern "C" void before_cured() {
  before();
}

// As libraries do that are not told whose.
extern "C" int operation() {
  OM_uint32 minor = 0;
  gss_cred_id_t tickets = GSS_C_NO_CREDENTIAL;
  gss_name_t whose = GSS_C_NO_NAME;
  gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
  const bool found = !GSS_ERROR(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET,
                                                 GSS_C_INITIATE, &tickets, nullptr, nullptr)) &&
                     !GSS_ERROR(gss_inquire_cred(&minor, tickets, &whose, nullptr, nullptr, nullptr)) &&
                     !GSS_ERROR(gss_display_name(&minor, whose, &text, nullptr));
  if (found)
    std::printf("presents %.*s\n", static_cast<int>(text.length), static_cast<const char*>(text.value));
  else
    std::printf("has nothing to present\n");
  gss_release_buffer(&minor, &text);
  gss_release_name(&minor, &whose);
  gss_release_cred(&minor, &tickets);
  return found ? 0 : 1;
}

extern "C" int cured() {
  const behalf::ThreadTickets tickets;
  return operation();
}
