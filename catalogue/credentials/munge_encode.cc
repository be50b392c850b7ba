#include "credentials/munge_credential.h"
#include "row.h"

BEHALF_ROW(R"(
title:    munge_encode, a credential to show to others
works:    effective full shielded
hop:      connection
clock:    open
wrong:    munged seals the effective uid of who connects: where only the file system ids were changed, it is the
          service's credential
cure:     a posture that changes the effective ids
needs:    munge
services: munge
source:   munge(7); unix(7) SO_PEERCRED
)")

extern "C" int operation() {
  const std::string credential = behalf_row::sealed();
  return credential.empty() ? 1 : behalf_row::print_whose(credential);
}

// The postures that the library offers are the cure.
extern "C" int cured() {
  return operation();
}
