// What benchmarks that compare have in common: interleaved, repeated, and judged by the medians.
//
//   class Ratios : public Comparison {
//     void keep(const Run& median) override;   // the times that count
//     void Finalize() override;                // what they come to
//   };
//   Interleaved arguments(argc, argv);
//   arguments.initialize();
//   Ratios reporter;
//   benchmark::RunSpecifiedBenchmarks(&reporter);
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace behalf::bench {

// Prints as usual, and keeps what is to be compared.
class Comparison : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.aggregate_name == "median") keep(run);
    }
  }

 protected:
  virtual void keep(const Run& median) = 0;
};

// The program's arguments, ours before them: what the caller gives comes after and wins.
class Interleaved {
 public:
  Interleaved(int argc, char** argv, int repetitions = 9, const char* seconds_of_each = "0.05")
      : words_{argv[0], "--benchmark_enable_random_interleaving=true",
               "--benchmark_repetitions=" + std::to_string(repetitions),
               std::string("--benchmark_min_time=") + seconds_of_each, "--benchmark_report_aggregates_only=true"} {
    words_.insert(words_.end(), argv + 1, argv + argc);
    for (std::string& word : words_) pointers_.push_back(word.data());
  }
  Interleaved(const Interleaved&) = delete;
  Interleaved& operator=(const Interleaved&) = delete;

  void initialize() {
    int count = static_cast<int>(pointers_.size());
    benchmark::Initialize(&count, pointers_.data());
  }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

}  // namespace behalf::bench
