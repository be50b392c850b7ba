// What it costs to start a program as a user and wait for its end, in the time that a processor has to do with it
// (which other programs on the machine disturb less than the time on the wall): by the library, beside posix_spawn(3)
// and fork + exec, which start it as the service and change nothing; by `behalf run-as`, beside what the machine has
// for it. Interleaved, as root, for the account `daemon`:
//
//   behalf_bench_children            runs everything and prints the ratios
//
// "Floor" is the least that a program costs which executes another (floor.c): nothing before, or the look-up of the
// user's groups by the name service, which whoever becomes a user has to make. "Bounding set kept" is
// BoundingSet::of_service; "service without one" has emptied its own, as Options::empty_bounding_set and
// CapabilityBoundingSet= of systemd.exec(5) do, so that its children need not. The program is /bin/true. The process
// has as much memory in use as a small server, since fork(2) copies its page tables.
#include <benchmark/benchmark.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/initialize.h"
#include "behalf/spawn.h"
#include "comparison.h"

namespace {

constexpr std::size_t memory_of_a_server = 64 << 20;

std::string beside(const char* name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

behalf::Token user() {
  return behalf::Token::for_user("daemon", behalf::allow_low_ids);
}

// What the processor has done for this process and for those that it has waited for.
double seconds_of_processor() {
  double seconds = 0;
  for (const int whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(whose, &used);
    for (const timeval& time : {used.ru_utime, used.ru_stime}) {
      seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
  }
  return seconds;
}

template <class Start>
void measure(benchmark::State& state, const Start& start) {
  while (state.KeepRunning()) {
    const double before = seconds_of_processor();
    if (!start()) return state.SkipWithError("it failed");
    state.SetIterationTime(seconds_of_processor() - before);
  }
}

bool succeeded(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum class Caller { service, user, bounded_service };

void empty_bounding_set() {
  for (unsigned long number = 0; ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0;) ++number;
}

void by_spawn(benchmark::State& state, Caller caller, behalf::BoundingSet bounding_set) {
  const behalf::Token token = user();
  behalf::SpawnOptions options;
  options.bounding_set = bounding_set;
  std::optional<behalf::Impersonation> as;
  if (caller == Caller::user) as.emplace(token);
  const auto all = [&] {
    if (caller == Caller::bounded_service) empty_bounding_set();
    measure(state, [&] { return behalf::spawn(token, {"/bin/true"}, options).wait().success(); });
  };
  if (caller == Caller::user) return all();
  std::thread(all).join();
}

void by_posix_spawn(benchmark::State& state, std::vector<std::string> argv) {
  if (!std::filesystem::exists(argv.front())) return state.SkipWithError("it is not installed");
  std::vector<char*> pointers;
  for (std::string& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  // In a session of its own, as spawn() makes it: what is started has no terminal to look after.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  measure(state, [&] {
    pid_t child = 0;
    const int failed = ::posix_spawn(&child, pointers.front(), nullptr, &attributes, pointers.data(), environ);
    return failed == 0 && succeeded(child);
  });
  ::posix_spawnattr_destroy(&attributes);
}

void by_fork(benchmark::State& state) {
  char* const argv[] = {const_cast<char*>("/bin/true"), nullptr};
  measure(state, [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execv(argv[0], argv);
      ::_exit(127);
    }
    return succeeded(child);
  });
}

class Ratios : public behalf::bench::Comparison {
 public:
  void keep(const Run& run) override { medians_[run.run_name.function_name] = run.GetAdjustedRealTime(); }

  void Finalize() override {
    std::printf("\nstarts of a program a second of a processor, by the median; as many times those of the other\n");
    against("behalf::spawn", {"posix_spawn", "fork", "sudo"});
    against("behalf::spawn/bounding set kept", {"posix_spawn"});
    against("behalf::spawn/service without one", {"posix_spawn"});
    against("behalf::spawn/worn", {"posix_spawn"});
    against("behalf run-as", {"sudo", "runuser", "setpriv", "floor/with her groups"});
    against("floor", {"sudo"});
    against("floor/with her groups", {"sudo"});
    std::printf("the bars: 0.9 of posix_spawn, 5 times sudo\n");
  }

 private:
  void against(const std::string& ours, const std::vector<std::string>& others) {
    std::printf("%-34s %6.0f", ours.c_str(), 1e9 / medians_[ours]);
    for (const std::string& other : others) {
      if (medians_.contains(other)) std::printf("   %5.2f of %s", medians_[other] / medians_[ours], other.c_str());
    }
    std::printf("\n");
  }

  std::map<std::string, double> medians_;
};

using Words = std::vector<std::string>;
BENCHMARK_CAPTURE(by_spawn, the_service, Caller::service, behalf::BoundingSet::empty)
    ->Name("behalf::spawn")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_spawn, a_user, Caller::user, behalf::BoundingSet::empty)
    ->Name("behalf::spawn/worn")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_spawn, kept, Caller::service, behalf::BoundingSet::of_service)
    ->Name("behalf::spawn/bounding set kept")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_spawn, bounded, Caller::bounded_service, behalf::BoundingSet::empty)
    ->Name("behalf::spawn/service without one")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_posix_spawn, plain, Words{"/bin/true"})->Name("posix_spawn")->UseManualTime();
BENCHMARK(by_fork)->Name("fork")->UseManualTime();
BENCHMARK_CAPTURE(by_posix_spawn, run_as, Words{beside("behalf"), "run-as", "daemon", "/bin/true"})
    ->Name("behalf run-as")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_posix_spawn, floor, Words{beside("behalf_bench_children_floor"), "/bin/true"})
    ->Name("floor")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_posix_spawn, floor_with_groups,
                  Words{beside("behalf_bench_children_floor"), "/bin/true", "daemon"})
    ->Name("floor/with her groups")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_posix_spawn, sudo, Words{"/usr/bin/sudo", "-n", "-u", "daemon", "/bin/true"})
    ->Name("sudo")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_posix_spawn, runuser, Words{"/usr/sbin/runuser", "-u", "daemon", "/bin/true"})
    ->Name("runuser")
    ->UseManualTime();
BENCHMARK_CAPTURE(by_posix_spawn, setpriv,
                  Words{"/usr/bin/setpriv", "--reuid", "daemon", "--regid", "daemon", "--init-groups", "/bin/true"})
    ->Name("setpriv")
    ->UseManualTime();

}  // namespace

int main(int argc, char** argv) {
  behalf::bench::Interleaved arguments(argc, argv);

  const std::vector<char> memory(memory_of_a_server, 1);
  try {
    behalf::initialize({});
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
  benchmark::DoNotOptimize(memory.data());
  return 0;
}
