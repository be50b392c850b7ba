// The memo of who the calling thread is, so that what is worn already costs no system call.
#pragma once

#include <cstdint>
#include <vector>

#include "behalf/impersonation.h"
#include "identity/credentials.h"
#include "identity/service.h"
#include "identity/token_data.h"
#include "identity/transition.h"

namespace behalf::detail {

struct Memo {
  // False from before the first system call of a switch until its result has been read back; then the kernel is asked
  // before anything is believed.
  bool known = false;
  bool hardened = false;  // the ambient capabilities were cleared
  bool main_thread = false;
  Region* innermost = nullptr;  // of the regions that switched
  TokenPtr worn;
  Capabilities effective = 0;  // worn->wear.effective as far as the thread is permitted it
  Powers powers;
  std::vector<gid_t> scratch;  // room for one group more than are worn

  [[nodiscard]] Wish now() const noexcept;
};

// The calling thread's memo, read from the kernel where it is not known: a thread that was started while another one
// was impersonating has that one's credentials and an empty memo. Throws Error of reason platform and std::bad_alloc.
Memo& this_thread(const Service& service);

// The calling thread's memo if it has one. No system call.
Memo* memo_or_null() noexcept;

// The token for a state read from the kernel: the service's, a user's in one of the postures, or `found`.
TokenPtr classify(const Service& service, const Credentials& found);

// Makes the calling thread, which may be anything, what its memo says it wears; ends the process where it cannot.
void make_again(const SystemCalls& calls, const Service& service, Memo& memo) noexcept;

// Keeps the memo right in the child of a fork(2), whose only thread is its main thread.
void watch_forks();

}  // namespace behalf::detail
