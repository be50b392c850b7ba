#include "judge/schedule.h"

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "judge/inquiry.h"
#include "judge/record_json.h"
#include "judge/starter.h"

namespace behalf::tool {
namespace {

struct Running {
  std::size_t job;
  pid_t process;
  int result;
  std::string text;
  bool waits;
  std::size_t cpu;
};

std::vector<int> cpus() {
  cpu_set_t set;
  std::vector<int> numbers;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) numbers.push_back(cpu);
  return numbers.empty() ? std::vector<int>{0} : numbers;
}

// How many results can be waited for at once: each is a descriptor, of which 1024 are what a process commonly may have.
std::size_t spare_descriptors() {
  constexpr rlim_t others = 27, least = 32;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::system_error(errno, std::generic_category(), "getrlimit");
  if (limit.rlim_cur < least)
    throw CannotRun(fmt::format("there may be {} open files, and a leg alone needs {}: raise it with ulimit -n 1024",
                                limit.rlim_cur, least));
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 20) - others);
}

// Legs that wait for helpers to expire need no CPU for most of their time.
bool waits(const LegPlan& plan) {
  return std::find(plan.calls.begin(), plan.calls.end(), "idle") != plan.calls.end();
}

void write_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = write(fd, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) at += static_cast<std::size_t>(written);
  }
}

LegRecord finish(const Running& running, const Job& job) {
  int status = 0;
  while (waitpid(running.process, &status, 0) < 0 && errno == EINTR) {
  }
  close(running.result);
  try {
    return read_record(running.text);
  } catch (const std::exception&) {
    LegRecord lost;
    lost.name = job.plan.name;
    lost.posture = job.plan.posture;
    lost.oracle = job.plan.oracle;
    lost.error = WIFSIGNALED(status) ? fmt::format("the leg's own process was killed by signal {}", WTERMSIG(status))
                                     : "the leg's own process ended without a word";
    return lost;
  }
}

}  // namespace

void Schedule::run(const std::function<void(const Progress&)>& progress) {
  const std::vector<int> places = cpus();
  // A leg waits most of its time, for quiet or for the kernel to make and end namespaces: twelve a CPU keep it busy.
  const std::size_t descriptors = spare_descriptors();
  const std::size_t most_busy = std::min(12 * places.size(), descriptors / 5),
                    most_waiting = std::min(48 * places.size(), descriptors - descriptors / 5);
  std::vector<std::size_t> load(places.size());
  std::vector<Running> running;
  std::size_t started = 0, finished = 0;
  std::vector<bool> taken(jobs_.size());
  Starter starter([this](std::size_t job, int cpu, int result) {
    write_all(result, write_record(run_leg(jobs_[job].operation, jobs_[job].plan, limits_, means_, cpu)));
  });

  const auto next = [&](bool waiting) -> std::optional<std::size_t> {
    for (std::size_t i = started; i < jobs_.size(); ++i)
      if (!taken[i] && waits(jobs_[i].plan) == waiting) return i;
    return std::nullopt;
  };
  const auto begin = [&](std::size_t job) {
    const auto slot = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    ++load[slot];
    taken[job] = true;
    const auto [process, result] = starter.start(job, places[slot]);
    running.push_back({job, process, result, {}, waits(jobs_[job].plan), slot});
    while (started < jobs_.size() && taken[started]) ++started;
  };

  while (finished < jobs_.size()) {
    for (const bool waiting : {true, false}) {
      for (;;) {
        const auto alike = static_cast<std::size_t>(
            std::count_if(running.begin(), running.end(), [&](const Running& r) { return r.waits == waiting; }));
        const auto job = alike < (waiting ? most_waiting : most_busy) ? next(waiting) : std::nullopt;
        if (!job) break;
        begin(*job);
      }
    }
    std::vector<pollfd> ready;
    ready.reserve(running.size());
    for (const Running& r : running) ready.push_back({r.result, POLLIN, 0});
    if (poll(ready.data(), ready.size(), 200) < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "poll");
    for (std::size_t i = ready.size(); i-- > 0;) {
      if (ready[i].revents == 0) continue;
      std::array<char, 65536> piece{};
      const ssize_t got = read(running[i].result, piece.data(), piece.size());
      if (got > 0) {
        running[i].text.append(piece.data(), static_cast<std::size_t>(got));
        continue;
      }
      if (got < 0 && errno == EINTR) continue;
      const Running over = std::move(running[i]);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      --load[over.cpu];
      ++finished;
      Job& job = jobs_[over.job];
      job.done(finish(over, job));
    }
    progress({finished, jobs_.size()});
  }
  jobs_.clear();
}

}  // namespace behalf::tool
