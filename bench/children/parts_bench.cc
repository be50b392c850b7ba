// What each system call of behalf::spawn costs, by the clock, where it is made: the seam to the kernel times it, in the
// parent and in the child, which share their memory. As root, for the account `daemon`:
//
//   behalf_bench_children_parts            prints calls and microseconds a spawn
//
// clone(2) and execve(2) are left out: posix_spawn(3) has the same two. What the kernel does later (it frees the
// credentials that were copied, and the keyring) is not in it.
#include <linux/keyctl.h>
#include <sys/prctl.h>

#include <chrono>
#include <cstdio>
#include <utility>
#include <vector>

#include "behalf/initialize.h"
#include "behalf/spawn.h"
#include "identity/system_calls.h"

namespace {

using behalf::detail::kernel_calls;
using behalf::detail::SystemCalls;
using Clock = std::chrono::steady_clock;

constexpr int first_spawns = 50, spawns = 500;

// Of a kind of call. The children write it while their parent waits, and allocate nothing.
struct Cost {
  long calls = 0;
  Clock::duration time{};
};

template <class Call>
long timed(Cost& cost, const Call& call) noexcept {
  const Clock::time_point begin = Clock::now();
  const long result = call();
  cost.time += Clock::now() - begin;
  ++cost.calls;
  return result;
}

// The entry of the table, timed.
template <auto Entry, class Type = decltype(Entry)>
struct Timed;
template <auto Entry, class... Arguments>
struct Timed<Entry, long (*SystemCalls::*)(Arguments...) noexcept> {
  static inline Cost cost;
  static long call(Arguments... arguments) noexcept {
    return timed(cost, [&] { return (kernel_calls.*Entry)(arguments...); });
  }
};

struct {
  Cost drop, read, other;
} of_prctl;
struct {
  Cost join, get, link;
} of_keyctl;

SystemCalls calls = kernel_calls;
std::vector<std::pair<const char*, const Cost*>> costs;  // in the order of the printed table

template <auto Entry>
void time(const char* name) {
  calls.*Entry = Timed<Entry>::call;
  costs.emplace_back(name, &Timed<Entry>::cost);
}

void time_all() {
  time<&SystemCalls::setresuid>("setresuid");
  time<&SystemCalls::setresgid>("setresgid");
  time<&SystemCalls::setfsuid>("setfsuid");
  time<&SystemCalls::setfsgid>("setfsgid");
  time<&SystemCalls::setgroups>("setgroups");
  time<&SystemCalls::getresuid>("getresuid");
  time<&SystemCalls::getresgid>("getresgid");
  time<&SystemCalls::getgroups>("getgroups");
  time<&SystemCalls::capget>("capget");
  time<&SystemCalls::capset>("capset");
  time<&SystemCalls::rt_sigprocmask>("rt_sigprocmask");
  time<&SystemCalls::rt_sigaction>("rt_sigaction");
  time<&SystemCalls::setsid>("setsid");
  time<&SystemCalls::fcntl>("fcntl");
  time<&SystemCalls::dup3>("dup3");
  time<&SystemCalls::close_range>("close_range");
  time<&SystemCalls::chdir>("chdir");
  time<&SystemCalls::umask>("umask");
  calls.prctl = [](int option, unsigned long a, unsigned long b) noexcept {
    Cost& cost = option == PR_CAPBSET_DROP ? of_prctl.drop : option == PR_CAPBSET_READ ? of_prctl.read : of_prctl.other;
    return timed(cost, [&] { return kernel_calls.prctl(option, a, b); });
  };
  calls.keyctl = [](int operation, unsigned long a, unsigned long b) noexcept {
    Cost& cost = operation == KEYCTL_JOIN_SESSION_KEYRING ? of_keyctl.join
                 : operation == KEYCTL_GET_KEYRING_ID     ? of_keyctl.get
                                                          : of_keyctl.link;
    return timed(cost, [&] { return kernel_calls.keyctl(operation, a, b); });
  };
  costs.emplace_back("prctl: drop a capability", &of_prctl.drop);
  costs.emplace_back("prctl: read a capability", &of_prctl.read);
  costs.emplace_back("prctl: others", &of_prctl.other);
  costs.emplace_back("keyctl: join", &of_keyctl.join);
  costs.emplace_back("keyctl: which", &of_keyctl.get);
  costs.emplace_back("keyctl: link", &of_keyctl.link);
}

std::vector<Cost> so_far() {
  std::vector<Cost> now;
  now.reserve(costs.size());
  for (const auto& each : costs) now.push_back(*each.second);
  return now;
}

void print(int count, const std::vector<Cost>& before) {
  std::printf("%-26s %6s %8s\n", "a spawn", "calls", "us");
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const auto& [name, cost] = costs[i];
    const Cost& first = before[i];
    if (cost->calls == first.calls) continue;
    const std::chrono::duration<double, std::micro> time = cost->time - first.time;
    std::printf("%-26s %6.1f %8.2f\n", name, static_cast<double>(cost->calls - first.calls) / count,
                time.count() / count);
  }
}

void spawn_many(int count) {
  const behalf::Token user = behalf::Token::for_user("daemon", behalf::allow_low_ids);
  for (int i = 0; i < count; ++i) (void)behalf::spawn(user, {"/bin/true"}).wait();
}

}  // namespace

int main() {
  try {
    behalf::initialize({});
    time_all();
    behalf::detail::replace_system_calls(&calls);
    spawn_many(first_spawns);
    const std::vector<Cost> before = so_far();
    spawn_many(spawns);
    print(spawns, before);
  } catch (const behalf::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 69;
  }
  return 0;
}
