// What an impersonation costs, beside what one would write by hand: the same system calls in the same order, the six
// credential calls alone, and a process that is forked for the purpose. Interleaved, on a worker thread, as root:
//
//   behalf_bench_identity            runs everything and prints the ratios
//
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/initialize.h"
#include "behalf/run_as.h"
#include "comparison.h"

namespace {

constexpr uid_t user = 3001;
constexpr uid_t spare = 3009;
constexpr gid_t groups[] = {3001, 3100};
constexpr std::size_t group_count = std::size(groups);

behalf::Token token(behalf::Posture posture) {
  const behalf::Token full = behalf::Token::from_ids(user, user, {groups, groups + group_count}, "user");
  if (posture == behalf::Posture::files) return full.with_posture(behalf::posture_files);
  if (posture == behalf::Posture::effective) return full.with_posture(behalf::posture_effective);
  return full.with_posture(posture);
}

template <class... Arguments>
long raw(long number, Arguments... arguments) {
  return ::syscall(number, arguments...);
}

// By hand, for one posture: what an expert would write who knows what to call and in which order.
class ByHand {
 public:
  explicit ByHand(behalf::Posture posture) : posture_(posture) {
    const long count = raw(SYS_getgroups, 64, own_);
    own_count_ = static_cast<std::size_t>(std::max(count, 0L));
  }

  void take() {
    raw(SYS_setgroups, group_count, groups);
    switch (posture_) {
      case behalf::Posture::files:
        raw(SYS_setfsgid, user);
        raw(SYS_setfsuid, user);
        break;
      case behalf::Posture::effective:
        ids(0, user);
        break;
      case behalf::Posture::full:
        ids(user, user);
        break;
      case behalf::Posture::shielded:
        ids(spare, user);
        break;
    }
  }

  void give_back() {
    if (posture_ == behalf::Posture::files) {
      raw(SYS_setfsuid, 0);
      raw(SYS_setfsgid, 0);
    } else {
      raw(SYS_setresuid, 0, 0, 0);
      raw(SYS_setresgid, 0, 0, 0);
    }
    raw(SYS_setgroups, own_count_, own_);
  }

  void block() {
    const std::uint64_t all = ~std::uint64_t{0};
    raw(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask_, sizeof mask_);
  }
  void unblock() { raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask_, nullptr, sizeof mask_); }

  // Reads back what the library reads back.
  bool verify(bool worn) {
    uid_t r = 0;
    uid_t e = 0;
    uid_t s = 0;
    raw(SYS_getresuid, &r, &e, &s);
    bool right = s == 0;
    raw(SYS_getresgid, &r, &e, &s);
    right &= s == 0;
    if (posture_ == behalf::Posture::files) {
      right &= raw(SYS_setfsuid, -1) == (worn ? user : 0);
      right &= raw(SYS_setfsgid, -1) == (worn ? user : 0);
    }
    gid_t list[64];
    right &= raw(SYS_getgroups, (worn ? group_count : own_count_) + 1, list) ==
             static_cast<long>(worn ? group_count : own_count_);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2];
    raw(SYS_capget, &header, data);
    return right;
  }

 private:
  static void ids(uid_t real, uid_t effective) {
    raw(SYS_setresgid, real, effective, 0);
    raw(SYS_setresuid, real, effective, 0);
  }

  behalf::Posture posture_;
  gid_t own_[64] = {};
  std::size_t own_count_ = 0;
  std::uint64_t mask_ = 0;
};

void behalf_switch(benchmark::State& state, behalf::Posture posture) {
  const behalf::Token worn = token(posture);
  while (state.KeepRunning()) {
    const behalf::Impersonation as{worn};
    benchmark::ClobberMemory();
  }
}

void raw_same_calls(benchmark::State& state, behalf::Posture posture) {
  ByHand hand(posture);
  bool right = true;
  while (state.KeepRunning()) {
    hand.block();
    hand.take();
    right &= hand.verify(true);
    hand.unblock();
    benchmark::ClobberMemory();
    hand.block();
    hand.give_back();
    right &= hand.verify(false);
    hand.unblock();
  }
  if (!right) state.SkipWithError("the sequence by hand does not do what it should");
}

void raw_six_calls(benchmark::State& state, behalf::Posture posture) {
  ByHand hand(posture);
  while (state.KeepRunning()) {
    hand.take();
    benchmark::ClobberMemory();
    hand.give_back();
  }
}

void behalf_same_again(benchmark::State& state) {
  const behalf::Token worn = token(behalf::Posture::full);
  const behalf::Token equal = token(behalf::Posture::full);
  const behalf::Impersonation as{worn};
  while (state.KeepRunning()) {
    const behalf::Impersonation again{equal};
    benchmark::ClobberMemory();
  }
}

void behalf_user_to_user(benchmark::State& state) {
  const behalf::Impersonation as{token(behalf::Posture::full)};
  const behalf::Token other = behalf::Token::from_ids(3002, 3002, {3002});
  while (state.KeepRunning()) {
    const behalf::Impersonation nested{other};
    benchmark::ClobberMemory();
  }
}

void behalf_run_as(benchmark::State& state) {
  const behalf::Token worn = token(behalf::Posture::full);
  while (state.KeepRunning()) behalf::run_as(worn, [] { benchmark::ClobberMemory(); });
}

void fork_and_set_ids(benchmark::State& state) {
  while (state.KeepRunning()) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      raw(SYS_setgroups, group_count, groups);
      raw(SYS_setresgid, user, user, user);
      raw(SYS_setresuid, user, user, user);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
  }
}

class Ratios : public behalf::bench::Comparison {
 public:
  void keep(const Run& run) override {
    // Where a call waits for somebody else, the clock on the wall counts; elsewhere the thread's own time, which
    // other programs on the machine disturb less.
    const bool waits = run.run_name.str().find("/real_time") != std::string::npos;
    medians_[run.run_name.function_name] = waits ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime();
  }

  void Finalize() override {
    std::printf("\n%-28s %10s %18s %18s %14s\n", "switch and return, median", "behalf ns", "/ same calls",
                "/ bare six calls", "/ fork");
    for (const char* posture : {"files", "effective", "full", "shielded"}) {
      const std::string name = posture;
      std::printf("%-28s %10.0f %18.3f %18.3f %14.3f\n", posture, medians_["behalf/" + name],
                  ratio("behalf/" + name, "by_hand/same_calls/" + name),
                  ratio("behalf/" + name, "by_hand/six_calls/" + name), ratio("behalf/" + name, "by_hand/fork"));
    }
    std::printf("%-28s %10.1f   (bar: 20)\n", "the identity worn already", medians_["behalf/same_again"]);
    std::printf("%-28s %10.0f\n", "user to user and back", medians_["behalf/user_to_user"]);
    std::printf("%-28s %10.0f %18s %18s %14.3f\n", "run_as", medians_["behalf/run_as"], "", "",
                ratio("behalf/run_as", "by_hand/fork"));
    std::printf("the bar for \"same calls\" is 1.10\n");
  }

 private:
  double ratio(const std::string& a, const std::string& b) { return medians_[a] / medians_[b]; }

  std::map<std::string, double> medians_;
};

#define BEHALF_BENCH_POSTURE(posture)                                                                         \
  BENCHMARK_CAPTURE(behalf_switch, posture, behalf::Posture::posture)->Name("behalf/" #posture);              \
  BENCHMARK_CAPTURE(raw_same_calls, posture, behalf::Posture::posture)->Name("by_hand/same_calls/" #posture); \
  BENCHMARK_CAPTURE(raw_six_calls, posture, behalf::Posture::posture)->Name("by_hand/six_calls/" #posture)

BEHALF_BENCH_POSTURE(files);
BEHALF_BENCH_POSTURE(effective);
BEHALF_BENCH_POSTURE(full);
BEHALF_BENCH_POSTURE(shielded);
BENCHMARK(behalf_same_again)->Name("behalf/same_again");
BENCHMARK(behalf_user_to_user)->Name("behalf/user_to_user");
BENCHMARK(behalf_run_as)->Name("behalf/run_as")->UseRealTime();
BENCHMARK(fork_and_set_ids)->Name("by_hand/fork")->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  behalf::bench::Interleaved arguments(argc, argv);

  behalf::Options options;
  options.shield = behalf::SpareAccount{spare, spare};
  try {
    behalf::initialize(options);
  } catch (const behalf::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 69;
  }
  arguments.initialize();
  // Not on the main thread, which is not impersonated in `full`.
  std::thread([] {
    Ratios reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
  }).join();
  return 0;
}
