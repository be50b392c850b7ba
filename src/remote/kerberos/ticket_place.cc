#include "remote/kerberos/ticket_place.h"

#include <sys/stat.h>

namespace behalf::detail {

TicketPlace place_of_tickets(const Token& who, const KerberosCacheOf& cache_of) {
  if (cache_of) return {cache_of(who)};
  if (auto came_along = kerberos_tickets(who)) return {std::move(*came_along)};
  // /tmp is everybody's. Under the name of hers may lie what somebody else was given and lets her read, and she would
  // be shown as that one.
  const std::string file = "/tmp/krb5cc_" + std::to_string(who.uid());
  struct stat status {};
  const bool hers = ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == who.uid();
  return {"FILE:" + file, hers};
}

}  // namespace behalf::detail
