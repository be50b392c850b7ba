// What it costs that work carries an identity: ThreadPool beside the same pool without transfer, beside
// boost::asio::thread_pool, and beside a pool of which each task switches by itself; task beside a plain coroutine.
// Interleaved, as root, with files of the users' own in a temporary folder:
//
//   behalf_bench_pool            runs everything and prints the ratios
//
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/initialize.h"
#include "behalf/task.h"
#include "behalf/thread_pool.h"
#include "comparison.h"

namespace {

constexpr uid_t first_user = 20000;
constexpr std::size_t users_with_files = 8;
constexpr std::ptrdiff_t tasks = 4000;  // in a round
constexpr unsigned workers = 2;

std::filesystem::path folder;

behalf::Token user(std::size_t number) {
  const auto id = static_cast<uid_t>(first_user + number);
  return behalf::Token::from_ids(id, id, {id});
}

std::string file_of(std::size_t number) {
  return folder / std::to_string(number);
}

// A private file of 1 KiB for each user, which nobody else may read.
void make_files() {
  char name[] = "/tmp/behalf-bench-XXXXXX";
  if (::mkdtemp(name) == nullptr) std::exit(69);
  folder = name;
  ::chmod(name, 0711);
  for (std::size_t number = 0; number < users_with_files; ++number) {
    const std::string path = file_of(number);
    const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const std::string text(1024, 'x');
    (void)!::write(fd, text.data(), text.size());
    const auto id = static_cast<uid_t>(first_user + number);
    (void)!::fchown(fd, id, id);
    ::close(fd);
  }
}

std::atomic<long> failures{0};

void read_file(const std::string& path) {
  char text[2048];
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::read(fd, text, sizeof text) != 1024) ++failures;
  if (fd >= 0) ::close(fd);
}

// The users of a round in the order in which their tasks arrive: the same for everybody.
const std::vector<std::size_t>& arrivals(std::size_t users) {
  static std::map<std::size_t, std::vector<std::size_t>> orders;
  std::vector<std::size_t>& order = orders[users];
  if (order.empty()) {
    std::mt19937 random(1);
    for (std::ptrdiff_t i = 0; i < tasks; ++i) order.push_back(random() % users);
  }
  return order;
}

void count(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * tasks);
}

// One identity. `work` is what a task does.
template <class Work>
void pool_of_one(benchmark::State& state, behalf::ThreadPool& pool, const behalf::Carried& who, const Work& work) {
  for (auto _ : state) {
    std::latch done(tasks);
    for (std::ptrdiff_t i = 0; i < tasks; ++i) {
      pool.post(who, [&] {
        work();
        done.count_down();
      });
    }
    done.wait();
  }
  count(state);
  pool.wait_until_idle();
  const behalf::ThreadPoolCounts counts = pool.counts();
  state.counters["switches_per_task"] = static_cast<double>(counts.switches) / static_cast<double>(counts.started);
}

template <class Work>
void asio_of_one(benchmark::State& state, const Work& work) {
  boost::asio::thread_pool pool(workers);
  for (auto _ : state) {
    std::latch done(tasks);
    for (std::ptrdiff_t i = 0; i < tasks; ++i) {
      boost::asio::post(pool, [&] {
        work();
        done.count_down();
      });
    }
    done.wait();
  }
  pool.join();
  count(state);
}

const auto nothing = [] { benchmark::ClobberMemory(); };

behalf::ThreadPoolOptions options(behalf::ThreadPoolOptions::Check check) {
  behalf::ThreadPoolOptions with;
  with.threads = workers;
  with.check = check;
  return with;
}
constexpr auto by_memo = behalf::ThreadPoolOptions::Check::memo;
constexpr auto by_wire = behalf::ThreadPoolOptions::Check::wire;
constexpr auto by_kernel = behalf::ThreadPoolOptions{}.check;  // the default

void one_user(benchmark::State& state, behalf::ThreadPoolOptions::Check check, bool reads) {
  behalf::ThreadPool pool(options(check));
  const behalf::Carried who(user(0));
  const std::string path = file_of(0);
  if (reads) return pool_of_one(state, pool, who, [&] { read_file(path); });
  pool_of_one(state, pool, who, nothing);
}

void without_transfer(benchmark::State& state, behalf::ThreadPoolOptions::Check check, bool reads) {
  behalf::ThreadPool pool(options(check));
  const behalf::Carried who(behalf::as_service);
  const std::string path = file_of(0);
  if (reads) return pool_of_one(state, pool, who, [&] { read_file(path); });
  pool_of_one(state, pool, who, nothing);
}

void asio(benchmark::State& state, bool reads) {
  const std::string path = file_of(0);
  if (reads) return asio_of_one(state, [&] { read_file(path); });
  asio_of_one(state, nothing);
}

// Eight users whose tasks come mixed, each reading a small file of the user's.
void mixed_pool(benchmark::State& state, behalf::ThreadPoolOptions::Check check) {
  std::vector<behalf::Carried> who;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < users_with_files; ++i) {
    who.emplace_back(user(i));
    paths.push_back(file_of(i));
  }
  behalf::ThreadPool pool(options(check));
  for (auto _ : state) {
    std::latch done(tasks);
    for (const std::size_t number : arrivals(users_with_files)) {
      pool.post(who[number], [&, number] {
        read_file(paths[number]);
        done.count_down();
      });
    }
    done.wait();
  }
  count(state);
  pool.wait_until_idle();
  const behalf::ThreadPoolCounts counts = pool.counts();
  state.counters["switches_per_task"] = static_cast<double>(counts.switches) / static_cast<double>(counts.started);
}

// The same on a pool that knows nothing of identity: each task switches by itself.
void mixed_switching(benchmark::State& state) {
  std::vector<behalf::Token> who;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < users_with_files; ++i) {
    who.push_back(user(i));
    paths.push_back(file_of(i));
  }
  boost::asio::thread_pool pool(workers);
  for (auto _ : state) {
    std::latch done(tasks);
    for (const std::size_t number : arrivals(users_with_files)) {
      boost::asio::post(pool, [&, number] {
        {
          const behalf::Impersonation as{who[number]};
          read_file(paths[number]);
        }
        done.count_down();
      });
    }
    done.wait();
  }
  pool.join();
  count(state);
}

// So many identities, each task of one of them at random, that do nothing.
void many_identities(benchmark::State& state) {
  const auto identities = static_cast<std::size_t>(state.range(0));
  std::vector<behalf::Carried> who;
  who.reserve(identities);
  for (std::size_t i = 0; i < identities; ++i) who.emplace_back(user(i));
  behalf::ThreadPool pool(options(by_memo));
  std::mt19937 random(1);
  for (auto _ : state) {
    std::latch done(tasks);
    for (std::ptrdiff_t i = 0; i < tasks; ++i) {
      pool.post(who[random() % identities], [&] { done.count_down(); });
    }
    done.wait();
  }
  count(state);
  pool.wait_until_idle();
  const behalf::ThreadPoolCounts counts = pool.counts();
  state.counters["switches_per_task"] = static_cast<double>(counts.switches) / static_cast<double>(counts.started);
}

// A coroutine of the least kind, to compare with.
struct Plain {
  struct promise_type {
    Plain get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> body;
};

// Suspends, and is resumed at once from where it was left.
struct Later {
  std::coroutine_handle<>* suspended;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) const noexcept { *suspended = self; }
  void await_resume() const noexcept {}
};

Plain plain(std::coroutine_handle<>& suspended, const bool& stop) {
  while (!stop) co_await Later{&suspended};
}

behalf::task<void> carried(std::coroutine_handle<>& suspended, const bool& stop) {
  while (!stop) co_await Later{&suspended};
}

void resume_plain(benchmark::State& state) {
  bool stop = false;
  std::coroutine_handle<> suspended;
  const Plain coroutine = plain(suspended, stop);
  coroutine.body.resume();
  for (auto _ : state) suspended.resume();
  stop = true;
  suspended.resume();
  coroutine.body.destroy();
}

struct Ended final : behalf::detail::TaskEnd {
  void ended(behalf::detail::TaskCore&) noexcept override {}
};

// Where the thread wears the user already, nothing is switched; where it does not, each resumption takes her and each
// suspension gives her back.
void resume_task(benchmark::State& state, bool worn_already) {
  const behalf::Token token = user(0);
  std::optional<behalf::Impersonation> as;
  if (worn_already) as.emplace(token);
  bool stop = false;
  std::coroutine_handle<> suspended;
  Ended end;
  const behalf::task<void> coroutine = carried(suspended, stop).as(token);
  coroutine.core().at_end = &end;
  coroutine.core().go_on().resume();
  for (auto _ : state) suspended.resume();
  stop = true;
  suspended.resume();
}

// So many tasks of as many users, resumed in turn.
void resume_many(benchmark::State& state) {
  const auto identities = static_cast<std::size_t>(state.range(0));
  bool stop = false;
  Ended end;
  std::vector<std::coroutine_handle<>> suspended(identities);
  std::vector<behalf::task<void>> coroutines;
  coroutines.reserve(identities);
  for (std::size_t i = 0; i < identities; ++i) {
    coroutines.push_back(carried(suspended[i], stop).as(user(i)));
    coroutines.back().core().at_end = &end;
    coroutines.back().core().go_on().resume();
  }
  std::size_t next = 0;
  for (auto _ : state) {
    suspended[next].resume();
    next = (next + 1) % identities;
  }
  stop = true;
  for (const std::coroutine_handle<> each : suspended) each.resume();
}

// Of each, what it takes on the wall and of processors, all threads together: the latter is disturbed less by other
// programs on the machine, and the former knows of waiting.
class Ratios : public behalf::bench::Comparison {
 public:
  void keep(const Run& run) override {
    const std::string& arguments = run.run_name.args;
    const std::string name = run.run_name.function_name + (arguments.empty() ? "" : "/" + arguments);
    wall_[name] = run.GetAdjustedRealTime();
    processor_[name] = run.GetAdjustedCPUTime();
    if (const auto found = run.counters.find("switches_per_task"); found != run.counters.end()) {
      switches_[name] = found->second.value;
    }
  }

  void Finalize() override {
    std::printf("\n%-72s %12s %12s\n", "throughput, how many times that of", "by processor", "on the wall");
    for (const char* work : {"nothing", "reads"}) {
      const std::string kind = std::string{"/"} + work;
      std::printf("ThreadPool with one identity, tasks that do %s   (bar: 0.9)\n", work);
      line("  Check::wire: the same pool without transfer", "without_transfer/wire" + kind, "one_user/wire" + kind);
      line("  Check::wire: boost::asio::thread_pool", "asio" + kind, "one_user/wire" + kind);
      line("  boost::asio::thread_pool", "asio" + kind, "one_user/kernel" + kind);
      line("  Check::memo: the same pool without transfer", "without_transfer/memo" + kind, "one_user/memo" + kind);
      line("  Check::memo: boost::asio::thread_pool", "asio" + kind, "one_user/memo" + kind);
    }
    std::printf("ThreadPool with eight identities mixed, reads   (bar: 5)\n");
    line("  Check::wire: a switch in every task", "mixed/switch_in_each_task", "mixed/wire");
    line("  a switch in every task", "mixed/switch_in_each_task", "mixed/kernel");
    line("  Check::memo: a switch in every task", "mixed/switch_in_each_task", "mixed/memo");
    line("boost::asio::thread_pool that switches for nobody, reads: a switch in every task",
         "mixed/switch_in_each_task", "asio/reads");
    std::printf("  switches per task: %.3f   (bar: 0.1)\n", switches_["mixed/wire"]);
    // folly/io/async/test/RequestContextBenchmark.cpp, by its own published run: setContext and ScopeGuard.
    std::printf(
        "a resumption and suspension, ns: plain %.1f, task where its user is worn %.1f, where she is not %.0f; Folly's "
        "RequestContext, published: 42 to 46 to set it, 101 to 113 with its guard\n",
        processor_["resume/plain"], processor_["resume/task_worn_already"], processor_["resume/task"]);
    growth("a task of the pool", "identities/", static_cast<double>(tasks));
    growth("a resumption of a task", "resume/identities/", 1);
  }

 private:
  void line(const char* what, const std::string& other, const std::string& ours) {
    std::printf("%-82s %12.2f %12.2f\n", what, processor_[other] / processor_[ours], wall_[other] / wall_[ours]);
  }

  void growth(const char* what, const std::string& name, double in_a_round) {
    std::printf("%s, of so many identities in turn, ns of a processor:", what);
    for (const char* many : {"1", "10", "100", "1000", "10000", "100000"}) {
      std::printf("  %s: %.0f", many, processor_[name + many] / in_a_round);
    }
    std::printf("\n");
  }

  std::map<std::string, double> wall_;
  std::map<std::string, double> processor_;
  std::map<std::string, double> switches_;
};

void of_all_threads(benchmark::internal::Benchmark* benchmark) {
  benchmark->MeasureProcessCPUTime()->UseRealTime();
}

BENCHMARK_CAPTURE(one_user, memo / nothing, by_memo, false)->Name("one_user/memo/nothing")->Apply(of_all_threads);
BENCHMARK_CAPTURE(one_user, wire / nothing, by_wire, false)->Name("one_user/wire/nothing")->Apply(of_all_threads);
BENCHMARK_CAPTURE(one_user, kernel / nothing, by_kernel, false)->Name("one_user/kernel/nothing")->Apply(of_all_threads);
BENCHMARK_CAPTURE(without_transfer, memo / nothing, by_memo, false)
    ->Name("without_transfer/memo/nothing")
    ->Apply(of_all_threads);
BENCHMARK_CAPTURE(without_transfer, wire / nothing, by_wire, false)
    ->Name("without_transfer/wire/nothing")
    ->Apply(of_all_threads);
BENCHMARK_CAPTURE(asio, nothing, false)->Name("asio/nothing")->Apply(of_all_threads);
BENCHMARK_CAPTURE(one_user, memo / reads, by_memo, true)->Name("one_user/memo/reads")->Apply(of_all_threads);
BENCHMARK_CAPTURE(one_user, wire / reads, by_wire, true)->Name("one_user/wire/reads")->Apply(of_all_threads);
BENCHMARK_CAPTURE(one_user, kernel / reads, by_kernel, true)->Name("one_user/kernel/reads")->Apply(of_all_threads);
BENCHMARK_CAPTURE(without_transfer, memo / reads, by_memo, true)
    ->Name("without_transfer/memo/reads")
    ->Apply(of_all_threads);
BENCHMARK_CAPTURE(without_transfer, wire / reads, by_wire, true)
    ->Name("without_transfer/wire/reads")
    ->Apply(of_all_threads);
BENCHMARK_CAPTURE(asio, reads, true)->Name("asio/reads")->Apply(of_all_threads);
BENCHMARK_CAPTURE(mixed_pool, memo, by_memo)->Name("mixed/memo")->Apply(of_all_threads);
BENCHMARK_CAPTURE(mixed_pool, wire, by_wire)->Name("mixed/wire")->Apply(of_all_threads);
BENCHMARK_CAPTURE(mixed_pool, kernel, by_kernel)->Name("mixed/kernel")->Apply(of_all_threads);
BENCHMARK(mixed_switching)->Name("mixed/switch_in_each_task")->Apply(of_all_threads);
BENCHMARK(resume_plain)->Name("resume/plain");
BENCHMARK_CAPTURE(resume_task, worn, true)->Name("resume/task_worn_already");
BENCHMARK_CAPTURE(resume_task, not_worn, false)->Name("resume/task");
BENCHMARK(resume_many)->Name("resume/identities")->RangeMultiplier(10)->Range(1, 100000);
BENCHMARK(many_identities)->Name("identities")->RangeMultiplier(10)->Range(1, 100000)->Apply(of_all_threads);

}  // namespace

int main(int argc, char** argv) {
  behalf::bench::Interleaved arguments(argc, argv, 5);
  try {
    behalf::initialize({});
  } catch (const behalf::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 69;
  }
  make_files();
  arguments.initialize();
  // Not on the main thread, which is not impersonated in `full`.
  std::thread([] {
    Ratios reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
  }).join();
  std::filesystem::remove_all(folder);
  if (failures == 0) return 0;
  std::fprintf(stderr, "behalf_bench_pool: %ld reads failed: what was measured is nothing\n", failures.load());
  return 70;
}
