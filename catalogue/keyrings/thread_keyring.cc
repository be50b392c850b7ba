#include "keyrings/keys.h"
#include "row.h"

BEHALF_ROW(R"(
title:  the thread keyring, @t
works:  none
hop:    cache
clock:  first-caller
wrong:  the kernel gives a thread's keyring to each user that the thread becomes: the next one finds and reads the keys
        of the one before
cure:   behalf::run_as, or any of behalf's executors, whose threads' keyring is cleared between two users
source: thread-keyring(7)
)")

static const char* const name = "behalf-catalogue-thread";

// A key that is there is used, as by a file system client that looks for its credentials.
static int use_key_of_thread() {
  if (behalf_row::print_key(name, KEY_SPEC_THREAD_KEYRING)) return 0;
  if (behalf_row::add_key_of_thread(name, KEY_SPEC_THREAD_KEYRING) < 0) return errno;
  return behalf_row::print_key(name, KEY_SPEC_THREAD_KEYRING) ? 0 : errno;
}

extern "C" int operation() {
  return use_key_of_thread();
}

extern "C" int cured() {
  return behalf_row::with_keyrings_of_caller(use_key_of_thread);
}
