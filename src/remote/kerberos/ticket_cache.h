// Tickets that the service holds for somebody: in the memory of the process, each in a place of its own, and nowhere
// else.
#pragma once

#include <gssapi/gssapi.h>
#include <krb5.h>

#include <string>

#include "identity/token_data.h"

namespace behalf::detail {

// A cache of a name that no other has in this process. What is in it is overwritten at the end.
class TicketCache {
 public:
  // Errors: Error of reason platform.
  TicketCache();
  ~TicketCache();
  TicketCache(const TicketCache&) = delete;
  TicketCache& operator=(const TicketCache&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] krb5_ccache cache() const noexcept { return cache_; }

 private:
  krb5_context context_ = nullptr;
  krb5_ccache cache_ = nullptr;
  std::string name_;
};

// Copies them into a cache of their own, which is there as long as what is returned. Errors: Error of reason platform.
Tickets keep(gss_cred_id_t tickets);

// Whether there is a ticket of whom they are for that may be presented further.
bool can_be_presented(const Tickets& tickets);

}  // namespace behalf::detail
