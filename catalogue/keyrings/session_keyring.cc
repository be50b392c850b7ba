#include "keyrings/keys.h"
#include "row.h"

BEHALF_ROW(R"(
title:  the session keyring, @s
works:  none
hop:    process-state
clock:  process
wrong:  a thread keeps the session keyring it was born with, whoever it becomes, and who possesses it may read it: the
        user finds and reads the service's keys (its tickets, its passphrases)
cure:   behalf::run_as, or any of behalf's executors, whose threads have a session keyring for each user
source: session-keyring(7)
)")

static const char* const name = "behalf-catalogue-session";

static int print_key_in_session() {
  if (!behalf_row::print_key(name, KEY_SPEC_SESSION_KEYRING)) std::printf("no key: %s\n", std::strerror(errno));
  return 0;
}

static void join_session_of_thread() {
  behalf_row::key_control(KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  behalf_row::add_key_of_thread(name, KEY_SPEC_SESSION_KEYRING);
}

// What a login, or pam_keyinit, does for a process.
extern "C" void before() {
  join_session_of_thread();
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  return print_key_in_session();
}

extern "C" int cured() {
  return behalf_row::with_keyrings_of_caller([] {
    if (!behalf::worn()) join_session_of_thread();
    behalf_row::add_key_of_thread(name, KEY_SPEC_SESSION_KEYRING);
    return print_key_in_session();
  });
}
