// Keys (keyrings(7)) by their system calls. All keys made here end after a minute, whatever happens.
#pragma once

#include <behalf/impersonation.h>
#include <behalf/run_as.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include <thread>

#include "row.h"

namespace behalf_row {

using KeyId = int;

template <class... Arguments>
long key_control(int operation, Arguments... arguments) {
  return syscall(SYS_keyctl, operation, arguments...);
}

// Makes a key of that description whose content is the effective uid of who makes it. Returns it, or -1.
inline KeyId add_key_of_thread(const char* description, KeyId keyring) {
  const std::string content = std::to_string(geteuid());
  const long key = syscall(SYS_add_key, "user", description, content.data(), content.size(), keyring);
  if (key >= 0) key_control(KEYCTL_SET_TIMEOUT, key, 60);
  return static_cast<KeyId>(key);
}

// Searches the keyring for it and prints what it holds. Returns whether there was one.
inline bool print_key(const char* description, KeyId keyring) {
  const long key = key_control(KEYCTL_SEARCH, keyring, "user", description, 0);
  if (key < 0) return false;
  char content[32] = {};
  const long size = key_control(KEYCTL_READ, key, content, sizeof content - 1);
  std::printf("the key in the keyring is that of %s\n", size < 0 ? std::strerror(errno) : content);
  return true;
}

// The cure of this family: the same on a thread whose keyrings are the caller's. A worker of run_as() gets a session
// keyring of its own, and an empty thread keyring, when the user is another than the last one.
template <class F>
int with_keyrings_of_caller(F f) {
  if (const std::optional<behalf::Token> caller = behalf::worn()) return behalf::run_as(*caller, f);
  int failed = 0;
  std::thread([&] { failed = f(); }).join();
  return failed;
}

}  // namespace behalf_row
