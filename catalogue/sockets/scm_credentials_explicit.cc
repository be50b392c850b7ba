#include "row.h"
#include "sockets/message.h"

BEHALF_ROW(R"(
title:  SCM_CREDENTIALS of the effective ids
works:  effective full shielded
hop:    call
clock:  call
wrong:  with `files` the effective ids are the service's
cure:   a posture that changes the effective ids
source: unix(7) SCM_CREDENTIALS
)")

extern "C" int operation() {
  const ucred caller = behalf_row::effective_credentials();
  return behalf_row::print_sender_of_message(&caller);
}
