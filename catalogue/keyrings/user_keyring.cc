#include "keyrings/keys.h"
#include "row.h"

BEHALF_ROW(R"(
title:  the user keyring, @u
works:  full
hop:    real-id
clock:  real-id
wrong:  @u is the keyring of the real uid: the thread is refused a look at the service's and yet can put keys into it
cure:   KEYCTL_GET_PERSISTENT, which is told the uid; or the posture `full`
source: user-keyring(7)
)")

// Prints whom the keyring belongs to: its description is "type;uid;gid;permissions;name".
static int print_owner(long keyring) {
  char description[128] = {};
  unsigned owner = 0;
  if (behalf_row::key_control(KEYCTL_DESCRIBE, keyring, description, sizeof description) < 0) {
    std::printf("the keyring cannot be described: %s\n", std::strerror(errno));
  } else if (std::sscanf(description, "keyring;%u;", &owner) == 1) {
    std::printf("the keyring belongs to %u\n", owner);
  }
  return 0;
}

extern "C" int operation() {
  return print_owner(behalf_row::key_control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1));
}

// The keyring has to be linked somewhere to be used; a thread's own keyring is the narrowest place.
extern "C" int cured() {
  const long keyring = behalf_row::key_control(KEYCTL_GET_PERSISTENT, geteuid(), KEY_SPEC_THREAD_KEYRING);
  const int failed = print_owner(keyring);
  behalf_row::key_control(KEYCTL_UNLINK, keyring, KEY_SPEC_THREAD_KEYRING);
  return failed;
}
