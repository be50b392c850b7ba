// Runs legs beside each other, each in a process of its own, so that one that crashes, hangs or is killed takes nothing
// with it.
#pragma once

#include <functional>
#include <vector>

#include "judge/leg.h"

namespace behalf::tool {

struct Job {
  Operation operation;
  LegPlan plan;
  std::function<void(LegRecord)> done;  // told in the scheduler's process
};

struct Progress {
  std::size_t done = 0;
  std::size_t total = 0;
};

class Schedule {
 public:
  Schedule(Limits limits, Means means) : limits_(limits), means_(means) {}

  void add(Job job) { jobs_.push_back(std::move(job)); }

  // Runs all that was added, in order, as many at once as the machine bears; legs that mostly wait run beside the
  // others. Calls `progress` now and then. The calling process must have one thread.
  void run(const std::function<void(const Progress&)>& progress);

 private:
  Limits limits_;
  Means means_;
  std::vector<Job> jobs_;
};

}  // namespace behalf::tool
