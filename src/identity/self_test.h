// The self-test: the facts of the kernel that the library rests on, tried out on a thread that then ends.
#pragma once

#include <string>
#include <vector>

#include "behalf/initialize.h"
#include "identity/service.h"

namespace behalf::detail {

struct SelfTest {
  std::vector<Probe> probes;
  std::string broken;  // the first fact that is not as needed; empty if all are
  bool session_keyrings = false;
};

// Runs on a thread of its own, which must be started as the service. Throws std::system_error, std::bad_alloc.
SelfTest self_test(const Service& service);

}  // namespace behalf::detail
