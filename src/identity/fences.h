// The fences: what may be impersonated at all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "behalf/error.h"
#include "identity/service.h"

namespace behalf::detail {

struct Refusal {
  Error::Reason reason;
  std::string why;
};

// Why the identity may not be impersonated, or nothing. `low_ids`: the power of that name was given.
std::optional<Refusal> fence_refusal(const Service& service, uid_t uid, gid_t gid, const std::vector<gid_t>& groups,
                                     bool low_ids);

}  // namespace behalf::detail
