// Credential calls of which the n-th fails, whichever thread makes it; unlike faulty_calls.h, where it is one thread's.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <limits>

#include "child.h"
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

// How a process ended in which one call failed.
struct Ends {
  int refused = 0;    // work was
  int by_itself = 0;  // a thread could not be given back
};

// Runs the body in a process of its own for each call that there is, until none fails any more. body(number) calls
// let_call_fail(number, …), and returns whether work was refused.
template <class Body>
Ends wherever_a_call_fails(const Body& body) {
  Ends ends;
  for (long number = 0; number < 2000; ++number) {
    const ChildEnd end = in_child([&] {
      const bool was_refused = body(number);
      must(!was_refused || a_call_failed, "refused for nothing");
      ::_exit(!a_call_failed ? 4 : was_refused ? 3 : 2);
    });
    if (end.exited && end.status == 4) return ends;
    ends.refused += end.exited && end.status == 3 ? 1 : 0;
    ends.by_itself += end.exited && end.status == 70 ? 1 : 0;
    const bool well = end.exited && ((end.status >= 2 && end.status <= 3) || end.status == 70);
    EXPECT_TRUE(well) << number << ": " << end.status << ' ' << end.failure << ' ' << end.said;
    if (!well) return ends;
  }
  ADD_FAILURE() << "calls without end";
  return ends;
}

}  // namespace behalf::testing
