// Where an identity's tickets are.
#pragma once

#include <string>

#include "behalf/kerberos.h"
#include "behalf/token.h"

namespace behalf::detail {

struct TicketPlace {
  std::string name;
  bool can_be_used = true;  // not where it is the place of the log-in, and what is there is none of the user's
};

// By `cache_of`, or its default. Errors: those of `cache_of`.
TicketPlace place_of_tickets(const Token& who, const KerberosCacheOf& cache_of);

}  // namespace behalf::detail
