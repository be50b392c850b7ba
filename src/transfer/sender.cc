#include "behalf/sender.h"

#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/service.h"
#include "identity/thread_memo.h"

namespace behalf {

Sender Sender::of_thread(Level grants) {
  const detail::Service& service = detail::service_for("send a message");
  if (grants == Level::anonymous) return Sender();
  return Sender(Token(detail::this_thread(service).worn).with_level(grants));
}

const Token& Sender::granted() const {
  if (token_ && token_->level() >= Level::impersonation) return *token_;
  throw Error(Error::Reason::level_too_low, "behalf: impersonate whoever sent a message or made a call: " +
                                                (token_ ? detail::describe(*token_->data()) + " granted the level " +
                                                              std::string{to_string(token_->level())}
                                                        : std::string{"it came anonymously"}) +
                                                ". Let the sender grant it, with behalf::Level::impersonation");
}

}  // namespace behalf
