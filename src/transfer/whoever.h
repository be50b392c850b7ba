// f() as the identity, also on the main thread where the posture is not for that: there by run_as().
#pragma once

#include "behalf/carried.h"
#include "behalf/error.h"
#include "behalf/run_as.h"

namespace behalf::detail {

// Errors: as of Carried::run() but for main_thread, and as of run_as(). An error that f throws is not taken for one of
// these.
template <class F>
void run_as_whoever(const Carried& who, const F& f) {
  bool begun = false;
  const auto begin = [&] {
    begun = true;
    f();
  };
  try {
    return who.run(begin);
  } catch (const Error& error) {
    if (begun || error.reason() != Error::Reason::main_thread) throw;
  }
  run_as(Token(who.data()), begin);
}

}  // namespace behalf::detail
