// What the library refuses, by its reason.
#pragma once

#include <utility>

#include "behalf/error.h"

namespace behalf::testing {

template <class F>
bool refused(Error::Reason reason, F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const Error& error) {
    return error.reason() == reason;
  }
  return false;
}

}  // namespace behalf::testing
