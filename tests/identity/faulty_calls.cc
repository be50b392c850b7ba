#include "faulty_calls.h"

#include "identity/credentials.h"

namespace behalf::testing {

namespace {

using detail::kernel_calls;
using detail::SystemCalls;

thread_local FaultPlan plan;
thread_local Faults faults;
thread_local bool armed = false;
thread_local void (*watch)(const char*) = nullptr;

bool goes_wrong(const char* name, bool can_be_silent) {
  if (!armed) return false;
  if (watch != nullptr) watch(name);
  const long number = faults.calls++;
  faults.trace += std::string{name} + ' ';
  const bool chosen = (number == plan.first || number == plan.second) && (!plan.silent || can_be_silent);
  faults.hit |= chosen;
  return chosen;
}

template <auto Entry>
struct Faulty;

template <class... Arguments, long (*SystemCalls::*Entry)(Arguments...) noexcept>
struct Faulty<Entry> {
  static inline const char* name = "";
  static long call(Arguments... arguments) noexcept {
    if (goes_wrong(name, false)) return -plan.error;
    return (kernel_calls.*Entry)(arguments...);
  }
};

template <auto Entry>
struct FaultySet;

template <class... Arguments, long (*SystemCalls::*Entry)(Arguments...) noexcept>
struct FaultySet<Entry> {
  static inline const char* name = "";
  static long call(Arguments... arguments) noexcept {
    if (goes_wrong(name, true)) return plan.silent ? 0 : -plan.error;
    return (kernel_calls.*Entry)(arguments...);
  }
};

template <auto Entry>
struct FaultyFs {
  static inline const char* name = "";
  static long call(std::uint32_t id) noexcept {
    // Asked with -1 they only tell, so that there is nothing to leave out.
    if (!goes_wrong(name, id != detail::no_id)) return (kernel_calls.*Entry)(id);
    return plan.silent ? (kernel_calls.*Entry)(detail::no_id) : -plan.error;
  }
};

template <template <auto> class How, auto Entry>
auto faulty(const char* name) {
  How<Entry>::name = name;
  return &How<Entry>::call;
}

const SystemCalls& table() {
  static const SystemCalls calls = {
      .setresuid = faulty<FaultySet, &SystemCalls::setresuid>("setresuid"),
      .setresgid = faulty<FaultySet, &SystemCalls::setresgid>("setresgid"),
      .setfsuid = faulty<FaultyFs, &SystemCalls::setfsuid>("setfsuid"),
      .setfsgid = faulty<FaultyFs, &SystemCalls::setfsgid>("setfsgid"),
      .setgroups = faulty<FaultySet, &SystemCalls::setgroups>("setgroups"),
      .getresuid = faulty<Faulty, &SystemCalls::getresuid>("getresuid"),
      .getresgid = faulty<Faulty, &SystemCalls::getresgid>("getresgid"),
      .getgroups = faulty<Faulty, &SystemCalls::getgroups>("getgroups"),
      .capget = faulty<Faulty, &SystemCalls::capget>("capget"),
      .capset = faulty<FaultySet, &SystemCalls::capset>("capset"),
      .rt_sigprocmask = faulty<Faulty, &SystemCalls::rt_sigprocmask>("rt_sigprocmask"),
      .prctl = faulty<Faulty, &SystemCalls::prctl>("prctl"),
      .keyctl = faulty<Faulty, &SystemCalls::keyctl>("keyctl"),
      .gettid = kernel_calls.gettid,  // gettid(2) is always successful
      .clone = faulty<Faulty, &SystemCalls::clone>("clone"),
      .rt_sigaction = faulty<Faulty, &SystemCalls::rt_sigaction>("rt_sigaction"),
      .setsid = faulty<FaultySet, &SystemCalls::setsid>("setsid"),
      .ioctl = faulty<Faulty, &SystemCalls::ioctl>("ioctl"),
      .fcntl = faulty<Faulty, &SystemCalls::fcntl>("fcntl"),
      .dup3 = faulty<Faulty, &SystemCalls::dup3>("dup3"),
      .close_range = faulty<Faulty, &SystemCalls::close_range>("close_range"),
      .setrlimit = faulty<Faulty, &SystemCalls::setrlimit>("setrlimit"),
      .chdir = faulty<Faulty, &SystemCalls::chdir>("chdir"),
      .umask = kernel_calls.umask,  // umask(2) always succeeds
      .nanosleep = kernel_calls.nanosleep,
      .execve = faulty<Faulty, &SystemCalls::execve>("execve"),
  };
  return calls;
}

}  // namespace

void arm(const FaultPlan& wanted) {
  detail::replace_system_calls(&table());
  plan = wanted;
  faults = {};
  armed = true;
}

void watch_calls(void (*watcher)(const char* name)) {
  watch = watcher;
}

Faults disarm() {
  armed = false;
  return faults;
}

}  // namespace behalf::testing
