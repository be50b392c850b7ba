// Credentials of MUNGE: a daemon seals whose they are, and opens them again.
#pragma once

#include <munge.h>

#include <cstdlib>
#include <memory>

#include "row.h"

namespace behalf_row {

// Empty where there is none, which is said. A context is a thread's own (munge_ctx(3)).
inline std::string sealed(munge_ctx_t context = nullptr) {
  char* text = nullptr;
  const munge_err_t error = munge_encode(&text, context, nullptr, 0);
  const std::unique_ptr<char, decltype(&std::free)> owned(text, std::free);
  if (error != EMUNGE_SUCCESS) std::printf("cannot seal: %s\n", munge_strerror(error));
  return error == EMUNGE_SUCCESS ? text : "";
}

// Opens it as whoever calls, and prints whose it is.
inline int print_whose(const std::string& credential) {
  void* payload = nullptr;
  int size = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  const munge_err_t error = munge_decode(credential.c_str(), nullptr, &payload, &size, &uid, &gid);
  std::free(payload);
  if (error == EMUNGE_SUCCESS)
    std::printf("the credential is of %u:%u\n", uid, gid);
  else
    std::printf("cannot open it: %s\n", munge_strerror(error));
  return error;
}

}  // namespace behalf_row
