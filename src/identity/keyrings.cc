#include "identity/keyrings.h"

#include <linux/keyctl.h>

#include <cerrno>

#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/service.h"

namespace behalf::detail {

namespace {

void check_keyctl(const char* attempted, long result) {
  if (result >= 0) return;
  const auto error = static_cast<int>(-result);
  throw Error(error == EDQUOT || error == ENOMEM ? Error::Reason::out_of_resources : Error::Reason::platform,
              std::string{"behalf: prepare a worker for another user: "} + attempted + ": keyctl: " +
                  error_words(error) + ". A worker does not go to another user with the keys of the last one",
              error);
}

}  // namespace

void Keyrings::fresh_for(const TokenPtr& token) {
  if (!service_for("prepare a worker").session_keyrings || same(last_, token)) return;
  const SystemCalls& calls = system_calls();
  last_.reset();
  used_ = true;
  check_keyctl("join a fresh session keyring", calls.keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0));
  const auto thread_keyring = static_cast<unsigned long>(KEY_SPEC_THREAD_KEYRING);
  if (calls.keyctl(KEYCTL_GET_KEYRING_ID, thread_keyring, 0) >= 0) {
    check_keyctl("clear the thread keyring", calls.keyctl(KEYCTL_CLEAR, thread_keyring, 0));
  }
  last_ = to_compare_with(token);
}

}  // namespace behalf::detail
