#include "credentials/tickets.h"
#include "row.h"

BEHALF_ROW(R"(
title:  krb5_cc_default, whose Kerberos tickets are used
works:  full
hop:    real-id
clock:  real-id
wrong:  the default cache is /tmp/krb5cc_%{uid} of the real uid: the service's own tickets, or none where the user may not
        read them
cure:   krb5_cc_resolve with the name of the user's cache
needs:  krb5
source: krb5.conf(5) "default_ccache_name"
)")

extern "C" void before() {
  behalf_row::hand_out_tickets();
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  return behalf_row::print_whose_tickets(nullptr);
}

extern "C" int cured() {
  return behalf_row::print_whose_tickets(behalf_row::cache_of(geteuid()).c_str());
}
