// Error: what the library throws. It says what was attempted, on what, as whom, why it failed and what to do.
//
//   try {
//     behalf::Token::for_user("nobody-of-that-name");
//   } catch (const behalf::Error& error) {
//     if (error.reason() == behalf::Error::Reason::unknown_user) log(error.what());
//   }
//
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace behalf {

class Error : public std::runtime_error {
 public:
  enum class Reason {
    not_initialized,        // initialize() has not been called
    already_initialized,    // initialize() was called twice
    unknown_user,           // the account database knows no such user
    incomplete_groups,      // the group list could not be had in full
    invalid_id,             // -1, or an id that no account may have
    refused_by_fence,       // the fences given to initialize() forbid it
    level_too_low,          // the token's level does not allow it
    power_needed,           // a tag of powers.h must be given
    main_thread,            // not on the main thread
    no_spare_account,       // `shielded` without a spare account
    inside_impersonation,   // only outside of an impersonated region
    not_permitted,          // the kernel refused: a capability or an id mapping is missing
    out_of_resources,       // memory, threads or quota
    platform,               // the kernel does not behave as the library needs it to
    cancelled,              // work was cancelled before it ran
    queue_full,             // a bounded queue had no room, and its owner wants no waiting
    would_wait_for_itself,  // the thread would wait for something that it would have to do itself
    refused_by_receiver,    // who got a message would not handle it
    not_the_owner,          // the object belongs to another identity than the thread wears
    not_there,              // what was asked for does not exist for this user
    not_usable,             // what is kept for this user is not what it should be
    busy,                   // somebody else holds it for longer than the caller wants to wait
  };

  Error(Reason reason, const std::string& message, int error_number = 0)
      : std::runtime_error(message), reason_(reason), error_number_(error_number) {}

  [[nodiscard]] Reason reason() const noexcept { return reason_; }

  // The errno of the system call that failed, 0 where none did.
  [[nodiscard]] int error_number() const noexcept { return error_number_; }

 private:
  Reason reason_;
  int error_number_;
};

[[nodiscard]] std::string_view to_string(Error::Reason reason) noexcept;

}  // namespace behalf
