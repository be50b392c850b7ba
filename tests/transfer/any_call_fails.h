// Credential calls of which the n-th fails, whichever thread makes it; unlike faulty_calls.h, where it is one thread's.
#pragma once

#include <atomic>
#include <limits>

#include "identity/system_calls.h"

namespace behalf::testing {

inline std::atomic<long> calls_until_failure{std::numeric_limits<long>::max()};
inline std::atomic<bool> a_call_failed{false};
inline std::atomic<int> failure_of_calls{0};

template <auto Entry>
struct AnyCallFails;
template <class... Arguments, long (*detail::SystemCalls::*Entry)(Arguments...) noexcept>
struct AnyCallFails<Entry> {
  static long call(Arguments... arguments) noexcept {
    if (calls_until_failure.fetch_sub(1) == 0) {
      a_call_failed = true;
      return -failure_of_calls;
    }
    return (detail::kernel_calls.*Entry)(arguments...);
  }
};

// From now on; the 0th is the next.
inline void let_call_fail(long number, int error) {
  using Calls = detail::SystemCalls;
  static const Calls table = [] {
    Calls calls = detail::kernel_calls;  // those of a switch fail; gettid(2), for one, is always successful
    calls.setresuid = AnyCallFails<&Calls::setresuid>::call;
    calls.setresgid = AnyCallFails<&Calls::setresgid>::call;
    calls.setfsuid = AnyCallFails<&Calls::setfsuid>::call;
    calls.setfsgid = AnyCallFails<&Calls::setfsgid>::call;
    calls.setgroups = AnyCallFails<&Calls::setgroups>::call;
    calls.getresuid = AnyCallFails<&Calls::getresuid>::call;
    calls.getresgid = AnyCallFails<&Calls::getresgid>::call;
    calls.getgroups = AnyCallFails<&Calls::getgroups>::call;
    calls.capget = AnyCallFails<&Calls::capget>::call;
    calls.capset = AnyCallFails<&Calls::capset>::call;
    calls.rt_sigprocmask = AnyCallFails<&Calls::rt_sigprocmask>::call;
    calls.prctl = AnyCallFails<&Calls::prctl>::call;
    calls.keyctl = AnyCallFails<&Calls::keyctl>::call;
    return calls;
  }();
  failure_of_calls = error;
  a_call_failed = false;
  calls_until_failure = number;
  detail::replace_system_calls(&table);
}

}  // namespace behalf::testing
