// A stress of an executor: 64 identities, many tasks of each, every one of which asks the kernel who it is. What an
// executor's own stress program has in common with the others:
//
//   int main(int argc, char** argv) {
//     return behalf::testing::stress(argc, argv, {{"pool", through_the_pool}, …});
//   }
//
// The program takes the number of tasks (20 000 if none is given) and the names of executors (all): the everyday test
// runs a few, the bar is `1000000`.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "behalf/token.h"

namespace behalf::testing {

inline constexpr std::size_t stress_identities = 64;
inline constexpr unsigned stress_threads = 16;

// What came of the tasks. Each is counted once.
class Tally {
 public:
  // In a task: asks the kernel whether the calling thread is that token.
  void check(const Token& token);
  // In a task that has found out by itself.
  void count(bool right);
  // It ended by an exception of its own; it was not run.
  void threw() { ++threw_; }
  void not_run() { ++not_run_; }

  [[nodiscard]] std::uint64_t ran() const { return ran_; }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }
  [[nodiscard]] std::uint64_t thrown() const { return threw_; }
  [[nodiscard]] std::uint64_t dropped() const { return not_run_; }

 private:
  std::atomic<std::uint64_t> ran_{0};
  std::atomic<std::uint64_t> wrong_{0};
  std::atomic<std::uint64_t> threw_{0};
  std::atomic<std::uint64_t> not_run_{0};
};

struct Executor {
  std::string name;
  // Runs about so many tasks of all the identities and returns when nothing of them is left.
  void (*run)(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally);
};

// Becomes a service that is root, runs the executors, says what came of each; status 0 where no task was wrong, every
// one was accounted for and no thread was left as a user.
int stress(int argc, char** argv, const std::vector<Executor>& executors);

// A sequence of numbers that is the same in every run, for whose turn it is and what goes wrong.
class Turns {
 public:
  explicit Turns(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  std::uint64_t next(std::uint64_t below) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % below;
  }

 private:
  std::uint64_t state_;
};

}  // namespace behalf::testing
