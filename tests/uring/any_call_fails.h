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
  static const Calls table = {
      .setresuid = AnyCallFails<&Calls::setresuid>::call,
      .setresgid = AnyCallFails<&Calls::setresgid>::call,
      .setfsuid = AnyCallFails<&Calls::setfsuid>::call,
      .setfsgid = AnyCallFails<&Calls::setfsgid>::call,
      .setgroups = AnyCallFails<&Calls::setgroups>::call,
      .getresuid = AnyCallFails<&Calls::getresuid>::call,
      .getresgid = AnyCallFails<&Calls::getresgid>::call,
      .getgroups = AnyCallFails<&Calls::getgroups>::call,
      .capget = AnyCallFails<&Calls::capget>::call,
      .capset = AnyCallFails<&Calls::capset>::call,
      .rt_sigprocmask = AnyCallFails<&Calls::rt_sigprocmask>::call,
      .prctl = AnyCallFails<&Calls::prctl>::call,
      .keyctl = AnyCallFails<&Calls::keyctl>::call,
      .gettid = detail::kernel_calls.gettid,  // gettid(2) is always successful
  };
  failure_of_calls = error;
  a_call_failed = false;
  calls_until_failure = number;
  detail::replace_system_calls(&table);
}

}  // namespace behalf::testing
