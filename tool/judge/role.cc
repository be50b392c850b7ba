#include "judge/role.h"

#include <algorithm>

#include <fmt/format.h>

#include "judge/expectation.h"

namespace behalf::tool {
namespace {

// Makers of helper threads, known by the function that appears in the stack in which the thread was made.
struct Maker {
  const char* function;  // a whole name, or the beginning of one
  const char* hop;
  const char* words;
};
constexpr Maker makers[] = {
    {"timer_create", "timer", "the C library's helper for timers (SIGEV_THREAD)"},
    {"__timer_start_helper_thread", "timer", "the C library's helper for timers (SIGEV_THREAD)"},
    {"mq_notify", "callback", "the C library's helper for message queues (SIGEV_THREAD)"},
    {"aio_", "callback", "a helper of the C library's asynchronous I/O"},
    {"lio_listio", "callback", "a helper of the C library's asynchronous I/O"},
    {"__aio_", "callback", "a helper of the C library's asynchronous I/O"},
    {"getaddrinfo_a", "callback", "the C library's helper for asynchronous name look-ups"},
    {"__gai_", "callback", "the C library's helper for asynchronous name look-ups"},
    {"GOMP_", "queue", "a thread of OpenMP's team"},
    {"__kmp", "queue", "a thread of OpenMP's team"},
    {"tbb::", "queue", "a worker of oneTBB"},
    {"g_thread_pool_", "queue", "a thread of GLib's pool"},
    {"g_task_", "queue", "a thread of GLib's pool"},
};

const Maker* known_maker(const std::vector<NamedFrame>& stack) {
  for (const NamedFrame& frame : stack)
    for (const Maker& maker : makers)
      if (frame.function.starts_with(maker.function)) return &maker;
  return nullptr;
}

// A coroutine's body is a function of its own in GCC's and Clang's naming.
bool in_coroutine(const std::vector<NamedFrame>& stack) {
  return std::any_of(stack.begin(), stack.end(), [](const NamedFrame& frame) {
    return frame.function.find("[clone .actor]") != std::string::npos ||
           frame.function.find("[clone .resume]") != std::string::npos;
  });
}

// What the C library lets a handler return to (sigreturn(2)).
bool in_signal_handler(const std::vector<NamedFrame>& stack) {
  return std::any_of(stack.begin(), stack.end(),
                     [](const NamedFrame& frame) { return frame.function == "__restore_rt"; });
}

}  // namespace

ThreadRole thread_role(const LegRecord& leg, int number, int window, const std::vector<NamedFrame>& stack,
                       const std::function<std::vector<NamedFrame>(const Stack&)>& name) {
  const auto thread = [&](int n) -> const Thread& { return leg.threads.at(static_cast<std::size_t>(n)); };
  const Thread& who = thread(number);
  const Call* call = window >= 0 ? &leg.calls[static_cast<std::size_t>(window)] : nullptr;
  const pid_t service =
      leg.calls.empty() || leg.calls.front().caller < 0 ? 0 : thread(leg.calls.front().caller).process;
  if (call != nullptr && number == call->caller)
    return {"call", "call", "the thread that called the operation", "the service", {}};

  ThreadRole role;
  role.created_by = who.born_in < 0 ? "the service, before any call"
                    : who.born_in == window
                        ? "this call"
                        : fmt::format("an earlier call, for {}", leg.calls[static_cast<std::size_t>(who.born_in)].user);
  role.made_at = name(who.made_at);
  if (who.process != service) {
    const bool older = who.born_in != window;
    // The child of one that was wrong already, and has changed nothing about it: what went astray did so on the way to
    // its maker.
    const bool as_made = std::none_of(leg.effects.begin(), leg.effects.end(), [&](const Effect& effect) {
      return effect.thread == number && effect.as != who.born_as && effect.decides != Decides::program;
    });
    if (!older && as_made && call != nullptr && who.parent >= 0 && who.parent != call->caller &&
        thread(who.parent).born_in != window &&
        !ran_as(account(call->user), leg.credentials.at(who.born_as), Decides::fs)) {
      const ThreadRole of_maker = thread_role(leg, who.parent, window, {}, name);
      role.hop = of_maker.hop;
      role.clock = of_maker.clock;
      role.words = "a child process of " + of_maker.words;
      return role;
    }
    role.hop = older ? "message" : "child";
    role.clock = older ? "creator" : "call";
    role.words = older ? "a process that was there before the call" : "a child process";
    return role;
  }
  if (in_signal_handler(stack)) {
    role.hop = "callback";
    role.clock = "later";
    role.words = "the thread that a signal interrupted";
    return role;
  }
  role.clock = who.born_in < 0 || who.born_in == window ? "creator" : "first-caller";
  // A helper may be made by another helper: the first that is known tells.
  for (int at = number; at >= 0; at = thread(at).parent) {
    if (const Maker* maker = known_maker(name(thread(at).made_at)); maker != nullptr) {
      role.hop = maker->hop;
      role.words = maker->words;
      if (thread(at).born_in >= 0) role.clock = "first-caller";  // such helpers are made once, and kept
      return role;
    }
  }
  if (in_coroutine(stack)) {
    role.hop = "coroutine";
    role.clock = "later";
    role.words = "the thread that resumed the coroutine";
    return role;
  }
  if (call != nullptr && who.born_in == window) {
    role.hop = who.parent == call->caller ? "thread" : "queue";
    role.words = "a thread made in this call";
    return role;
  }
  role.hop = "queue";
  role.words = who.born_in < 0 ? "a thread made before the call" : "a thread made in an earlier call";
  return role;
}

}  // namespace behalf::tool
