#include "row.h"
#include "sockets/message.h"

BEHALF_ROW(R"(
title:  SO_PASSCRED, credentials by the kernel
works:  full
hop:    real-id
clock:  real-id
wrong:  what the kernel fills in is the real uid: the receiver is told the service, or the spare account. So journald,
        syslog and sd_notify see it
cure:   send SCM_CREDENTIALS with the effective ids
source: unix(7) SCM_CREDENTIALS
)")

extern "C" int operation() {
  return behalf_row::print_sender_of_message(nullptr);
}

extern "C" int cured() {
  const ucred caller = behalf_row::effective_credentials();
  return behalf_row::print_sender_of_message(&caller);
}
