// Whether this machine lets us trace, tried and not inferred.
#pragma once

#include <string>

namespace behalf::tool {

// In words that say what to do about it; empty when tracing works. Forks.
std::string why_no_tracing();

}  // namespace behalf::tool
