// What it costs to find what is kept for an identity: per_identity<T> beside what one would write without it, both
// keyed by the uid alone and with no limit: oneTBB's concurrent_hash_map, and an unordered_map under a mutex. Each
// gives out a shared_ptr, since what is dropped meanwhile must not go under its user's feet. Interleaved, as root; the
// time is that of a processor for one look-up:
//
//   behalf_bench_cache           runs everything and prints the ratios
#include <benchmark/benchmark.h>
#include <tbb/concurrent_hash_map.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "behalf/initialize.h"
#include "behalf/per_identity.h"
#include "comparison.h"

namespace {

constexpr std::size_t most = 100'000;
constexpr std::array<long, 3> sizes = {1, 100, most};

struct Kept {
  uid_t uid = 0;
};

std::vector<behalf::Token> identities;  // `most` of them

class Ours {
 public:
  static constexpr const char* name = "per_identity";

  explicit Ours(std::size_t count) {
    // Not on the main thread, which is not impersonated in `full`: each would be made on a worker of run_as().
    std::thread([&] {
      for (std::size_t i = 0; i < count; ++i) (void)cache_.get(identities[i]);
    }).join();
  }
  std::shared_ptr<Kept> find(std::size_t number) { return cache_.get(identities[number]); }

 private:
  behalf::per_identity<Kept> cache_{[](const behalf::Token& who) { return Kept{who.uid()}; }, {.at_most = 4 * most}};
};

class Tbb {
 public:
  static constexpr const char* name = "concurrent_hash_map";

  explicit Tbb(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const uid_t uid = identities[i].uid();
      map_.insert({uid, std::make_shared<Kept>(Kept{uid})});
    }
  }
  std::shared_ptr<Kept> find(std::size_t number) {
    Map::const_accessor at;
    return map_.find(at, identities[number].uid()) ? at->second : nullptr;
  }

 private:
  using Map = tbb::concurrent_hash_map<uid_t, std::shared_ptr<Kept>>;
  Map map_;
};

class Locked {
 public:
  static constexpr const char* name = "mutex + unordered_map";

  explicit Locked(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const uid_t uid = identities[i].uid();
      map_.emplace(uid, std::make_shared<Kept>(Kept{uid}));
    }
  }
  std::shared_ptr<Kept> find(std::size_t number) {
    const std::lock_guard lock(mutex_);
    const auto at = map_.find(identities[number].uid());
    return at == map_.end() ? nullptr : at->second;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<uid_t, std::shared_ptr<Kept>> map_;
};

// One of each size, made when it is first asked for.
template <class Cache>
Cache& cache_of(std::size_t count) {
  static std::mutex mutex;
  static std::map<std::size_t, std::unique_ptr<Cache>> caches;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Cache>& cache = caches[count];
  if (cache == nullptr) cache = std::make_unique<Cache>(count);
  return *cache;
}

constexpr long asked_by_each = 1 << 16;  // of the threads

// By so many threads, from the start of the first to the end of the last: with fewer processors than threads it would
// matter otherwise who was not running while another was measured.
template <class Cache>
void look_up(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Cache& cache = cache_of<Cache>(count);
  std::atomic<bool> wrong{false};
  const auto ask = [&](std::uint64_t turn) {
    for (long i = 0; i < asked_by_each; ++i) {
      // In no order, as users come.
      turn = turn * 6364136223846793005ULL + 1442695040888963407ULL;
      const std::size_t number = static_cast<std::size_t>(turn >> 33U) % count;
      const std::shared_ptr<Kept> found = cache.find(number);
      if (found == nullptr || found->uid != identities[number].uid()) wrong = true;
    }
  };
  std::uint64_t round = 0;
  for (auto _ : state) {
    std::vector<std::jthread> threads;
    for (long i = 0; i < state.range(1); ++i) threads.emplace_back(ask, ++round * 0x9E3779B97F4A7C15ULL);
  }
  if (wrong) state.SkipWithError("somebody else's");
}

class Ratios : public behalf::bench::Comparison {
 public:
  void keep(const Run& run) override {
    medians_[run.run_name.function_name][run.run_name.args] = run.GetAdjustedCPUTime();
  }

  void Finalize() override {
    std::printf(
        "\nlook-ups of per_identity in the time of one of the better of the others, by the median (the bar: 1)\n");
    for (const auto& [which, ours] : medians_[Ours::name]) {
      const double tbb = medians_[Tbb::name][which];
      const double locked = medians_[Locked::name][which];
      const double each = asked_by_each * std::stod(which.substr(which.rfind(':') + 1));
      std::printf("%-32s %6.0f ns   %5.2f   (%s)\n", which.c_str(), ours / each, std::min(tbb, locked) / ours,
                  tbb < locked ? Tbb::name : Locked::name);
    }
  }

 private:
  std::map<std::string, std::map<std::string, double>> medians_;
};

template <class Cache>
void enlist() {
  auto* const all = benchmark::RegisterBenchmark(Cache::name, look_up<Cache>)
                        ->ArgNames({"identities", "threads"})
                        ->MeasureProcessCPUTime()
                        ->UseRealTime();
  for (const long size : sizes) {
    for (const long threads : {1, 2, 4, 8, 16}) all->Args({size, threads});
  }
}

}  // namespace

int main(int argc, char** argv) {
  behalf::bench::Interleaved arguments(argc, argv, 9, "0.02");
  try {
    behalf::initialize({});
  } catch (const behalf::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 69;
  }
  for (std::size_t i = 0; i < most; ++i) {
    const auto id = static_cast<uid_t>(100'000 + i);
    identities.push_back(behalf::Token::from_ids(id, id, {id}));
  }
  enlist<Ours>();
  enlist<Tbb>();
  enlist<Locked>();
  arguments.initialize();
  Ratios reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
