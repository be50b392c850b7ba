// The keyrings of a thread that works for one user after another. Session and thread keyring belong to the thread,
// whoever it is, and possession gives access whoever one is (session-keyring(7), thread-keyring(7)).
#pragma once

#include "identity/token_data.h"

namespace behalf::detail {

class Keyrings {
 public:
  // Before the thread, which has the service's user ids, wears the token: a fresh session keyring and an empty thread
  // keyring, where the user is another than the last one. A session keyring is its maker's, who may look into it: the
  // real uid's. It is her group's too, to which it allows nothing. Errors: Error of reason out_of_resources, platform.
  // Cost: none for the same user; else 2 or 3 system calls.
  void fresh_for(const TokenPtr& token);

  // Whether there has been a user.
  [[nodiscard]] bool used() const noexcept { return used_; }

 private:
  bool used_ = false;
  TokenPtr last_;
};

}  // namespace behalf::detail
