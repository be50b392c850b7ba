#include "trap_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "trace/filter.h"

namespace behalf::tool::testing {
namespace {

std::string all_of(int fd) {
  std::string text;
  std::array<char, 65536> piece{};
  for (ssize_t got = 0; (got = pread(fd, piece.data(), piece.size(), static_cast<off_t>(text.size()))) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  return text;
}

// In the child: waits for the word, and becomes the program.
[[noreturn]] void become_program(const Start& what, const std::vector<sock_filter>& filter, int output, int go) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char word = 0;
  if (go >= 0 && read(go, &word, 1) != 1) _exit(120);
  const std::string path = what.program.find('/') == std::string::npos ? trap_path(what.program) : what.program;
  std::vector<std::string> words = {path};
  words.insert(words.end(), what.words.begin(), what.words.end());
  std::vector<char*> argv;
  for (std::string& text : words) argv.push_back(text.data());
  argv.push_back(nullptr);
  dup2(output, 1);
  if (!what.directory.empty() && chdir(what.directory.c_str()) != 0) _exit(121);
  if (what.filtered && install_filter(filter) != 0) _exit(122);
  if (what.before) what.before();
  execv(path.c_str(), argv.data());
  _exit(123);
}

}  // namespace

bool Watcher::marked(unsigned long kind) const {
  return std::any_of(marks.begin(), marks.end(), [&](const Mark& mark) { return mark.kind == kind; });
}

std::string trap_path(const std::string& name) {
  return std::string(TRAPS) + "/" + name;
}

namespace {
// The same tests are run over both ways to learn what a call came to.
TracerOptions with_results(TracerOptions options) {
  if (const char* after = std::getenv("RESULTS_TOLD_AFTER"))
    options.results_told_after = std::strtoul(after, nullptr, 10);
  return options;
}
}  // namespace

TrapRun::TrapRun(TracerOptions options)
    : tracer(with_results(options), watcher), output_(memfd_create("output", MFD_CLOEXEC)) {}

TrapRun::~TrapRun() {
  tracer.kill_all();
  close(output_);
  if (go_ >= 0) close(go_);
}

void TrapRun::start(const Start& what) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const auto filter = what.filter.empty() ? make_filter() : what.filter;
  pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    close(ends[1]);
    become_program(what, filter, output_, ends[0]);
  }
  close(ends[0]);
  go_ = ends[1];
  tracer.adopt(pid);
  ASSERT_EQ(write(go_, "g", 1), 1);
}

bool TrapRun::to_the_end(std::chrono::milliseconds limit) {
  return tracer.run_until([&] { return tracer.empty(); }, Tracer::Clock::now() + limit) && tracer.empty();
}

bool TrapRun::until_marked(unsigned long kind, std::chrono::milliseconds limit) {
  return tracer.run_until([&] { return watcher.marked(kind); }, Tracer::Clock::now() + limit);
}

void TrapRun::run_for(std::chrono::milliseconds time) {
  tracer.run_until([] { return false; }, Tracer::Clock::now() + time);
}

std::string TrapRun::output() const {
  return all_of(output_);
}

std::vector<Effect> TrapRun::effects_on(const std::string& prefix) const {
  std::vector<Effect> found;
  for (const Effect& effect : tracer.effects())
    if (effect.object.starts_with(prefix)) found.push_back(effect);
  return found;
}

Effect TrapRun::effect_on(const std::string& object) const {
  std::vector<Effect> found;
  for (const Effect& effect : tracer.effects())
    if (effect.object == object) found.push_back(effect);
  EXPECT_EQ(found.size(), 1U) << "effects on " << object;
  return found.empty() ? Effect{} : found.front();
}

std::string TrapRun::problems() const {
  std::string all;
  for (const std::string& problem : tracer.problems()) all += problem + "\n";
  return all;
}

std::optional<int> TrapRun::status() const {
  for (const auto& [thread, status] : watcher.ends)
    if (thread == 0) return status;
  return std::nullopt;
}

std::string printed_untraced(const Start& what) {
  const int output = memfd_create("output", MFD_CLOEXEC);
  Start plain = what;
  plain.filtered = false;
  const pid_t child = fork();
  if (child == 0) become_program(plain, {}, output, -1);
  int status = 0;
  waitpid(child, &status, 0);
  std::string text = all_of(output);
  close(output);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the trap itself ended with " << status;
  return text;
}

}  // namespace behalf::tool::testing
