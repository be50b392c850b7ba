#include <map>
#include <mutex>

#include "caches/identity_key.h"
#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  a static local, filled by first caller
works:  none
hop:    cache
clock:  first-caller
wrong:  the first caller's data are everybody's: the next user, and the service, are given them without a check
cure:   behalf::per_identity<T>
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static void print(const std::string& readable) {
  std::printf("readable are the notes of%s\n", readable.c_str());
}

extern "C" int operation() {
  static const std::string readable = behalf_row::owners_of_readable_notes();
  print(readable);
  return 0;
}

extern "C" int cured() {
  static std::mutex in_use;
  static std::map<behalf_row::IdentityKey, std::string> readable;
  const std::lock_guard lock(in_use);
  std::string& of_caller = readable[behalf_row::identity_of_thread()];
  if (of_caller.empty()) of_caller = behalf_row::owners_of_readable_notes();
  print(of_caller);
  return 0;
}
