// What it costs to start a program as a user and wait for its end: by the library, beside posix_spawn(3) and fork +
// exec, which start it as the service and change nothing; by `behalf run-as`, beside what the machine has for it.
// Interleaved, as root, for the account `daemon`:
//
//   behalf_bench_children            runs everything and prints the ratios
//
// The program is /bin/true. The process has as much memory in use as a small server, since fork(2) copies its page
// tables.
#include <benchmark/benchmark.h>
#include <spawn.h>
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

namespace {

constexpr std::size_t memory_of_a_server = 64 << 20;

std::string tool() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "behalf";
}

behalf::Token user() {
  return behalf::Token::for_user("daemon", behalf::allow_low_ids);
}

bool succeeded(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void by_spawn(benchmark::State& state, bool worn, behalf::BoundingSet bounding_set) {
  const behalf::Token token = user();
  behalf::SpawnOptions options;
  options.bounding_set = bounding_set;
  std::optional<behalf::Impersonation> as;
  if (worn) as.emplace(token);
  while (state.KeepRunning()) {
    if (!behalf::spawn(token, {"/bin/true"}, options).wait().success()) return state.SkipWithError("it failed");
  }
}

void by_posix_spawn(benchmark::State& state, std::vector<std::string> argv) {
  if (!std::filesystem::exists(argv.front())) return state.SkipWithError("it is not installed");
  std::vector<char*> pointers;
  for (std::string& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  while (state.KeepRunning()) {
    pid_t child = 0;
    const int failed = ::posix_spawn(&child, pointers.front(), nullptr, nullptr, pointers.data(), environ);
    if (failed != 0 || !succeeded(child)) return state.SkipWithError("it failed");
  }
}

void by_fork(benchmark::State& state) {
  char* const argv[] = {const_cast<char*>("/bin/true"), nullptr};
  while (state.KeepRunning()) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execv(argv[0], argv);
      ::_exit(127);
    }
    if (!succeeded(child)) return state.SkipWithError("it failed");
  }
}

// Prints as usual, and keeps the medians for the ratios.
class WithRatios : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.aggregate_name == "median") medians_[run.run_name.function_name] = run.GetAdjustedRealTime();
    }
  }

  void Finalize() override {
    std::printf("\nstarts of a program a second, by the median; as many times those of the other\n");
    against("behalf::spawn", {"posix_spawn", "fork", "sudo"});
    against("behalf::spawn/bounding set kept", {"posix_spawn"});
    against("behalf::spawn/worn", {"posix_spawn"});
    against("behalf run-as", {"sudo", "runuser", "setpriv"});
    std::printf("the bars: 0.9 of posix_spawn, 5 times sudo\n");
  }

 private:
  void against(const std::string& ours, const std::vector<std::string>& others) {
    std::printf("%-32s %6.0f", ours.c_str(), 1e9 / medians_[ours]);
    for (const std::string& other : others) {
      if (medians_.contains(other)) std::printf("   %5.2f of %s", medians_[other] / medians_[ours], other.c_str());
    }
    std::printf("\n");
  }

  std::map<std::string, double> medians_;
};

using Words = std::vector<std::string>;
BENCHMARK_CAPTURE(by_spawn, the_service, false, behalf::BoundingSet::empty)->Name("behalf::spawn")->UseRealTime();
BENCHMARK_CAPTURE(by_spawn, a_user, true, behalf::BoundingSet::empty)->Name("behalf::spawn/worn")->UseRealTime();
BENCHMARK_CAPTURE(by_spawn, kept, false, behalf::BoundingSet::of_service)
    ->Name("behalf::spawn/bounding set kept")
    ->UseRealTime();
BENCHMARK_CAPTURE(by_posix_spawn, plain, Words{"/bin/true"})->Name("posix_spawn")->UseRealTime();
BENCHMARK(by_fork)->Name("fork")->UseRealTime();
BENCHMARK_CAPTURE(by_posix_spawn, run_as, Words{tool(), "run-as", "daemon", "/bin/true"})
    ->Name("behalf run-as")
    ->UseRealTime();
BENCHMARK_CAPTURE(by_posix_spawn, sudo, Words{"/usr/bin/sudo", "-n", "-u", "daemon", "/bin/true"})
    ->Name("sudo")
    ->UseRealTime();
BENCHMARK_CAPTURE(by_posix_spawn, runuser, Words{"/usr/sbin/runuser", "-u", "daemon", "/bin/true"})
    ->Name("runuser")
    ->UseRealTime();
BENCHMARK_CAPTURE(by_posix_spawn, setpriv,
                  Words{"/usr/bin/setpriv", "--reuid", "daemon", "--regid", "daemon", "--init-groups", "/bin/true"})
    ->Name("setpriv")
    ->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  // Ours first: what the caller gives comes after and wins.
  std::vector<std::string> arguments = {argv[0], "--benchmark_enable_random_interleaving=true",
                                        "--benchmark_repetitions=9", "--benchmark_min_time=0.05",
                                        "--benchmark_report_aggregates_only=true"};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());

  const std::vector<char> memory(memory_of_a_server, 1);
  try {
    behalf::initialize({});
  } catch (const behalf::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 69;
  }
  benchmark::Initialize(&count, pointers.data());
  // Not on the main thread, which is not impersonated in `full`.
  std::thread([] {
    WithRatios reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
  }).join();
  benchmark::DoNotOptimize(memory.data());
  return 0;
}
