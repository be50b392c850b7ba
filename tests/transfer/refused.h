// What the library refuses, by its reason.
#pragma once

#include <string>
#include <utility>

#include "behalf/error.h"
#include "child.h"

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

// For a body that runs in a child or thread.
template <class F>
void must_refuse(Error::Reason reason, F&& f) {
  must(refused(reason, std::forward<F>(f)), "is not refused as " + std::string{to_string(reason)});
}

}  // namespace behalf::testing
