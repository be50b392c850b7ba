// What tracing costs a program: one openat and close, untraced, under behalf's tracer, and under strace with the same
// call picked by the same kind of filter. The three take turns; what is printed is nanoseconds and ratios.
//
//     bin/behalf_bench_tracer [ROUNDS]
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "trace/filter.h"
#include "trace/tracer.h"

namespace {

using namespace behalf::tool;

constexpr int operations = 20000;

double now() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The traced program: as many opens and closes, and the time that one took.
int loop() {
  const double start = now();
  for (int i = 0; i < operations; ++i) {
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) close(fd);
  }
  std::printf("%.0f\n", (now() - start) / operations);
  return 0;
}

struct Silent : Observer {
  void on_mark(const Mark&) override {}
  bool wants_stack(const Effect&, const Credentials&) override { return false; }
  bool wants_stack_after(const Effect&) override { return false; }
  bool wants_birth_stack(int) override { return false; }
  int window(int) override { return 0; }
  void on_process_end(int, int) override {}
};

// Starts the program in a child that waits for `go` where it is given, and reads what it prints.
template <typename Prepare, typename Follow>
double measure(const std::vector<std::string>& words, Prepare prepare, Follow follow) {
  std::array<int, 2> output{}, go{};
  if (pipe(output.data()) != 0 || pipe(go.data()) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    dup2(output[1], 1);
    char byte = 0;
    if (read(go[0], &byte, 1) != 1) _exit(1);
    prepare();
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(output[1]);
  follow(child, [&] {
    if (write(go[1], "g", 1) != 1) std::abort();
  });
  std::array<char, 64> text{};
  const ssize_t size = read(output[0], text.data(), text.size() - 1);
  for (const int fd : {output[0], go[0], go[1]}) close(fd);
  return size > 0 ? std::atof(text.data()) : 0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--loop") == 0) return loop();
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 7;
  const std::string self = "/proc/self/exe";
  std::array<char, 4096> path{};
  if (readlink(self.c_str(), path.data(), path.size() - 1) < 0) return 70;
  const std::vector<std::string> program = {path.data(), "--loop"};
  std::vector<std::string> strace = {"strace", "-f", "--seccomp-bpf", "-e", "trace=openat", "-o", "/dev/null"};
  strace.insert(strace.end(), program.begin(), program.end());

  const auto wait_for = [](pid_t child, const auto& go) {
    go();
    waitpid(child, nullptr, 0);
  };
  const auto filter = make_filter();
  std::vector<double> plain, ours, theirs, theirs_pinned;
  for (int round = 0; round < rounds; ++round) {
    plain.push_back(measure(
        program, [] {}, wait_for));
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);  // as the tool does: the tracer on the CPU of what it traces
    ours.push_back(measure(
        program,
        [&] {
          if (install_filter(filter) != 0) _exit(126);
        },
        [&](pid_t child, const auto& go) {
          Silent observer;
          TracerOptions options;
          options.shown_affinity = all;
          Tracer tracer(options, observer);
          tracer.adopt(child);
          go();
          tracer.run_until([&] { return tracer.empty(); }, Tracer::Clock::now() + std::chrono::seconds(60));
        }));
    theirs_pinned.push_back(measure(
        strace, [] {}, wait_for));
    sched_setaffinity(0, sizeof all, &all);
    theirs.push_back(measure(
        strace, [] {}, wait_for));
  }
  const double base = median(plain);
  const auto row = [&](const char* name, const std::vector<double>& values) {
    std::printf("%-58s %9.0f ns  %6.1fx untraced\n", name, median(values), median(values) / base);
  };
  std::printf("openat + close of /dev/null, median of %d rounds of %d\n", rounds, operations);
  row("untraced", plain);
  row("behalf's tracer", ours);
  row("strace -f --seccomp-bpf -e trace=openat", theirs);
  row("the same, pinned to one CPU by hand", theirs_pinned);
  std::printf("what tracing adds: behalf / strace = %.2f (bar 0.50), behalf / strace pinned by hand = %.2f\n",
              (median(ours) - base) / (median(theirs) - base), (median(ours) - base) / (median(theirs_pinned) - base));
  return 0;
}
