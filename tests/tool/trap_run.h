// A trap program run under a Tracer, and what was seen of it.
#pragma once

#include <linux/filter.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trace/tracer.h"

namespace behalf::tool::testing {

// What the traced program says by its marks, and what is wanted of the tracer.
class Watcher : public Observer {
 public:
  std::vector<Mark> marks;
  std::string wants_stacks_of;  // calls with this in their object
  bool wants_births = false, wants_refusals = false;
  std::vector<std::pair<int, int>> ends;  // thread number, wait status

  void on_mark(const Mark& mark) override { marks.push_back(mark); }
  bool wants_stack(const Effect& effect, const Credentials&) override {
    return !wants_stacks_of.empty() &&
           (effect.object.empty() || effect.object.find(wants_stacks_of) != std::string::npos);
  }
  bool wants_stack_after(const Effect& effect) override { return wants_refusals && effect.result == -EACCES; }
  bool wants_birth_stack(int) override { return wants_births; }
  int window(int) override { return 0; }
  void on_process_end(int thread, int status) override { ends.emplace_back(thread, status); }
  bool marked(unsigned long kind) const;
};

// Where the build put the trap programs.
std::string trap_path(const std::string& name);

struct Start {
  std::string program = {};              // a trap's name, or a path
  std::vector<std::string> words = {};   // after the program's name
  std::function<void()> before = {};     // in the child, after the filter is installed and before the exec
  std::string directory = {};            // to start in
  bool filtered = true;                  // false: run without the filter, for comparison
  std::vector<sock_filter> filter = {};  // instead of the tool's own
};

class TrapRun {
 public:
  explicit TrapRun(TracerOptions options = {});
  ~TrapRun();
  TrapRun(const TrapRun&) = delete;
  TrapRun& operator=(const TrapRun&) = delete;

  void start(const Start& what);
  // True when the whole tree ended before the limit.
  bool to_the_end(std::chrono::milliseconds limit = std::chrono::seconds(20));
  bool until_marked(unsigned long kind, std::chrono::milliseconds limit = std::chrono::seconds(20));
  void run_for(std::chrono::milliseconds time);

  Watcher watcher;
  Tracer tracer;
  pid_t pid = -1;

  // All that it has printed until now.
  std::string output() const;
  // The effects on objects that begin so, in order.
  std::vector<Effect> effects_on(const std::string& prefix) const;
  // The only effect on that object; fails the test where there is none or more.
  Effect effect_on(const std::string& object) const;
  Credentials as(const Effect& effect) { return tracer.credentials()[effect.as]; }
  std::string problems() const;
  // The wait status of the first process, where it has ended.
  std::optional<int> status() const;

 private:
  int output_ = -1;
  int go_ = -1;
};

// The same program without tracer and filter: what it prints is what the traced one must print.
std::string printed_untraced(const Start& what);

}  // namespace behalf::tool::testing
