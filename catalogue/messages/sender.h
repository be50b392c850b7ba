// Who sends, and who is worn for it, in cures by behalf::Mailbox and behalf::MailSocket.
#pragma once

#include <behalf/sender.h>

namespace behalf_row {

// False in an oracle: behalf is not initialized there, and its process works for nobody but itself.
inline bool works_for_others() {
  try {
    (void)behalf::Token::of_process();
    return true;
  } catch (const behalf::Error&) {
    return false;
  }
}

// Where nothing is worn there is nobody but the process itself: an oracle, or the service for itself.
inline behalf::Level all_that_there_is_to_grant() {
  return behalf::worn() ? behalf::Level::impersonation : behalf::Level::anonymous;
}

// The receiver works as the sender, or as itself for nobody.
template <class T, class Work>
void as_sender(const behalf::Message<T>& message, Work work) {
  if (!message.sender()) return work();
  const behalf::Impersonation as = message.impersonate_sender();
  work();
}

}  // namespace behalf_row
