// What it costs that each request of a ring has an identity: small files of two users in turn, opened, read and closed
// in batches of 32, by uring::Ring; by the same ring when its kernel side is told of no identities; by liburing by
// hand, in the same requests; and by threads that switch for each file. How it grows with the number of users.
// Interleaved, as root, with files of the users' own in a temporary folder:
//
//   behalf_bench_uring            runs everything and prints the ratios
//
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <liburing.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/initialize.h"
#include "behalf/uring.h"
#include "comparison.h"
#include "uring/kernel_calls.h"

namespace {

namespace uring = behalf::uring;

constexpr uid_t first_user = 20000;
constexpr std::size_t batch = 32;
constexpr std::size_t file_size = 1024;

std::filesystem::path folder;
std::atomic<long> failures{0};
char memory[batch][file_size];

behalf::Token user(std::size_t number) {
  const auto id = static_cast<uid_t>(first_user + number);
  return behalf::Token::from_ids(id, id, {id});
}

const std::string& file_of(std::size_t number) {
  static const std::vector<std::string> paths = {folder / "0", folder / "1"};
  return paths[number % 2];
}

// A private file of 1 KiB for each of the two.
void make_files() {
  char name[] = "/tmp/behalf-bench-XXXXXX";
  if (::mkdtemp(name) == nullptr) std::exit(69);
  folder = name;
  ::chmod(name, 0711);
  for (std::size_t number = 0; number < 2; ++number) {
    const int fd = ::open(file_of(number).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const std::string text(file_size, 'x');
    (void)!::write(fd, text.data(), text.size());
    const auto id = static_cast<uid_t>(first_user + number);
    (void)!::fchown(fd, id, id);
    ::close(fd);
  }
}

void by_system_calls(std::size_t number) {
  const int fd = ::open(file_of(number).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::read(fd, memory[0], file_size) != ssize_t{file_size}) ++failures;
  if (fd >= 0) ::close(fd);
}

void per_file(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<long>(batch));
}

void switch_per_file(benchmark::State& state) {
  const behalf::Token users[] = {user(0), user(1)};
  while (state.KeepRunning()) {
    for (std::size_t i = 0; i < batch; ++i) {
      const behalf::Impersonation as{users[i % 2]};
      by_system_calls(i);
    }
  }
  per_file(state);
}

void as_the_service(benchmark::State& state) {
  while (state.KeepRunning()) {
    for (std::size_t i = 0; i < batch; ++i) by_system_calls(i);
  }
  per_file(state);
}

auto whole_file(std::size_t number, char* into) {
  return uring::open(file_of(number), O_RDONLY)
      .then(uring::read(uring::opened, into, file_size, 0))
      .always(uring::close(uring::opened));
}

void read_all(uring::Ring& ring, uring::Batch& files, const behalf::Token* users) {
  files.clear();
  for (std::size_t i = 0; i < batch; ++i) files.add(users[i % 2], whole_file(i, memory[i]));
  ring.run(files);
  for (std::size_t i = 0; i < batch; ++i) {
    if (files.result(i, 1).error_number() != 0) ++failures;
  }
}

uring::Options driven_here() {
  return {.driven_by = uring::Options::DrivenBy::caller, .threads = 1};
}

void ring_of_ours(benchmark::State& state) {
  uring::Ring ring(driven_here());
  uring::Batch files;
  const behalf::Token users[] = {user(0), user(1)};
  read_all(ring, files, users);
  while (state.KeepRunning()) read_all(ring, files, users);
  per_file(state);
}

// The same, but the number of each identity is 0, which is none.
void ring_without_identities(benchmark::State& state) {
  static uring::detail::KernelCalls calls = uring::detail::real_kernel_calls;
  calls.register_personality = [](io_uring*) noexcept { return 0; };
  calls.unregister_personality = [](io_uring*, int) noexcept { return 0; };
  uring::detail::replace_kernel_calls(&calls);
  ring_of_ours(state);
  uring::detail::replace_kernel_calls(nullptr);
}

// By a ring that is driven by its own thread, told to a callback of the service's: what the hand-over between two
// threads adds.
void ring_with_own_thread(benchmark::State& state) {
  uring::Ring ring({.threads = 1});
  uring::Batch files;
  const behalf::Token users[] = {user(0), user(1)};
  read_all(ring, files, users);
  while (state.KeepRunning()) read_all(ring, files, users);
  per_file(state);
}

class ByHand {
 public:
  ByHand() {
    if (io_uring_queue_init(256, &ring_, 0) != 0) std::exit(69);
    const std::vector<int> none(batch, -1);
    io_uring_register_files(&ring_, none.data(), batch);
  }
  ~ByHand() { io_uring_queue_exit(&ring_); }
  ByHand(const ByHand&) = delete;
  ByHand& operator=(const ByHand&) = delete;

  int personality(const behalf::Token& token) {
    const behalf::Impersonation as{token};
    return io_uring_register_personality(&ring_);
  }

  void read_all(const int* personalities) {
    for (unsigned i = 0; i < batch; ++i) {
      const auto who = static_cast<unsigned short>(personalities[i % 2]);
      io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
      io_uring_prep_openat_direct(sqe, AT_FDCWD, file_of(i).c_str(), O_RDONLY, 0, i);
      finish(sqe, IOSQE_IO_LINK, who);
      sqe = io_uring_get_sqe(&ring_);
      io_uring_prep_read(sqe, static_cast<int>(i), memory[i], file_size, 0);
      finish(sqe, IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK, who);
      sqe = io_uring_get_sqe(&ring_);
      io_uring_prep_close_direct(sqe, i);
      finish(sqe, 0, who);
    }
    io_uring_submit_and_wait(&ring_, batch * 3);
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      if (cqe->res < 0) ++failures;
      ++count;
    }
    io_uring_cq_advance(&ring_, count);
    if (count != batch * 3) ++failures;
  }

 private:
  static void finish(io_uring_sqe* sqe, unsigned flags, unsigned short who) {
    sqe->flags = static_cast<unsigned char>(sqe->flags | flags);
    sqe->personality = who;
  }

  io_uring ring_{};
};

void by_hand_without_identities(benchmark::State& state) {
  ByHand ring;
  const int none[] = {0, 0};
  while (state.KeepRunning()) ring.read_all(none);
  per_file(state);
}

void by_hand_with_identities(benchmark::State& state) {
  ByHand ring;
  const int who[] = {ring.personality(user(0)), ring.personality(user(1))};
  while (state.KeepRunning()) ring.read_all(who);
  per_file(state);
}

// So many users, one request each in turn, with room for 4096 identities.
void of_many_users(benchmark::State& state) {
  uring::Ring ring(driven_here());
  uring::Batch requests;
  std::vector<behalf::Token> users;
  for (long i = 0; i < state.range(0); ++i) users.push_back(user(static_cast<std::size_t>(i)));
  std::size_t next = 0;
  const auto round = [&] {
    requests.clear();
    for (std::size_t i = 0; i < batch; ++i) {
      requests.add(users[next], uring::unlinkat(AT_FDCWD, "/nonexistent"));
      next = (next + 1) % users.size();
    }
    ring.run(requests);
  };
  if (users.size() <= 4096) {
    for (std::size_t i = 0; i < users.size(); i += batch) round();
  }
  while (state.KeepRunning()) round();
  per_file(state);
}

class Ratios : public behalf::bench::Comparison {
 public:
  void keep(const Run& run) override {
    // Where a call waits for somebody else, the clock on the wall counts; elsewhere the time of a processor, which
    // other programs on the machine disturb less.
    const std::string name = run.run_name.str();
    const bool waits = name.find("/real_time") != std::string::npos && name.find("/process_time") == std::string::npos;
    const double ns = waits ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime();
    medians_[run.run_name.function_name + run.run_name.args] = ns / static_cast<double>(batch);
  }

  void Finalize() override {
    std::printf("\n%-52s %12s %10s\n", "a small file, of two users in turn, batches of 32", "ns a file", "ratio");
    line("ring");
    line("switch_per_file");
    line("ring_without_identities");
    line("by_hand/without_identities");
    line("by_hand/with_identities");
    line("as_the_service");
    line("ring_with_own_thread");
    std::printf("switch_per_file / ring: %.2f   (bar: at least 4)\n", medians_["switch_per_file"] / medians_["ring"]);
    std::printf("ring / ring_without_identities: %.3f   (bar: 1.10)\n",
                medians_["ring"] / medians_["ring_without_identities"]);
    std::printf("ring / by_hand/without_identities: %.3f\n", medians_["ring"] / medians_["by_hand/without_identities"]);
    std::printf("ring / by_hand/with_identities: %.3f\n", medians_["ring"] / medians_["by_hand/with_identities"]);
    std::printf("\n%-52s %12s\n", "a request, users one after the other, all threads", "ns of a CPU");
    for (const char* users : {"1", "100", "4096", "100000"}) {
      std::printf("%-52s %12.0f\n", users, medians_[std::string{"of_many_users"} + users]);
    }
  }

 private:
  void line(const std::string& name) {
    std::printf("%-52s %12.0f %10.3f\n", name.c_str(), medians_[name], medians_[name] / medians_["ring"]);
  }

  std::map<std::string, double> medians_;
};

BENCHMARK(ring_of_ours)->Name("ring");
BENCHMARK(ring_without_identities)->Name("ring_without_identities");
BENCHMARK(by_hand_without_identities)->Name("by_hand/without_identities");
BENCHMARK(by_hand_with_identities)->Name("by_hand/with_identities");
BENCHMARK(switch_per_file)->Name("switch_per_file");
BENCHMARK(as_the_service)->Name("as_the_service");
BENCHMARK(ring_with_own_thread)->Name("ring_with_own_thread")->UseRealTime();
BENCHMARK(of_many_users)
    ->Name("of_many_users")
    ->Arg(1)
    ->Arg(100)
    ->Arg(4096)
    ->Arg(100000)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  behalf::bench::Interleaved arguments(argc, argv);
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
  std::fprintf(stderr, "behalf_bench_uring: %ld files were not read: what was measured is nothing\n", failures.load());
  return 70;
}
