#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <thread>

#include "behalf/tbb.h"
#include "identity/service.h"
#include "identity/thread_memo.h"
#include "identity/token_data.h"
#include "identity/worker_signals.h"
#include "transfer/wearer.h"

namespace behalf::tbb {

namespace {

using namespace std::chrono_literals;

// What a worker of oneTBB's is while it is in one of our arenas. It may have been born as a user: what it gives back to
// is the service all the same.
class Worker {
 public:
  void enter(const Carried& who) {
    if (const detail::Service* service = detail::service(); service != nullptr && !based_) {
      detail::block_asynchronous_signals();
      base_.enter(service->token, true);
      based_ = true;
    }
    wearer_.wear(who);
  }
  void leave() noexcept { wearer_.give_back(); }
  [[nodiscard]] std::uint64_t switches() const noexcept { return wearer_.switches(); }

 private:
  bool based_ = false;
  detail::Region base_;  // to the end of the thread
  detail::Wearer wearer_;
};

Worker& this_worker() {
  thread_local Worker worker;
  return worker;
}

// A thread that comes into an arena of ours by another way than execute(): it waits for a flow graph that was made
// there, or has attached a tbb::task_arena of its own. It takes part in the work like others, and has nobody to tell.
struct Guest {
  Guest(const void* at, const Carried& who) noexcept : arena(at), worn(who) {}
  const void* const arena;
  const Carried::WornOrEnd worn;
};

// Of the calling thread, each within the one before.
std::list<Guest>& guests() {
  thread_local std::list<Guest> all;
  return all;
}

bool wears(const Carried& who) noexcept {
  const detail::Memo* const memo = detail::memo_or_null();
  return memo != nullptr ? memo->known && detail::same(memo->worn, who.data()) : who.data() == nullptr;
}

}  // namespace

// The workers are started by whoever needs them first: here the service.
void warm_up() {
  const detail::AsServiceIfAny self;
  const detail::SignalsBlocked meanwhile;
  using oneapi::tbb::global_control;
  const auto threads = static_cast<int>(global_control::active_value(global_control::max_allowed_parallelism));
  std::atomic<int> there{0};
  const auto give_up = std::chrono::steady_clock::now() + 500ms;
  oneapi::tbb::task_arena warm(threads);
  warm.execute([&] {
    oneapi::tbb::parallel_for(
        0, threads,
        [&](int) {
          ++there;
          while (there < threads && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
        },
        oneapi::tbb::simple_partitioner());
  });
}

// What the arenas of one Arenas have done, those that are gone included.
struct Arenas::Totals {
  std::atomic<std::uint64_t> switches{0};
  std::atomic<std::uint64_t> not_worn{0};
  std::atomic<std::size_t> workers_inside{0};
  std::atomic<std::size_t> leaving{0};
};

class Arenas::Arena final : public oneapi::tbb::task_scheduler_observer {
 public:
  Arena(const Carried& who, int threads, std::shared_ptr<Totals> totals)
      : task_scheduler_observer(arena_), who_(who), arena_(threads, 1), totals_(std::move(totals)) {
    arena_.initialize();
    observe(true);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() override {
    if (left_) --totals_->leaving;
  }

  void on_scheduler_entry(bool is_worker) override {
    if (!is_worker) {
      if (!wears(who_)) guests().emplace_back(this, who_);
      return;
    }
    ++inside_;
    ++totals_->workers_inside;
    Worker& worker = this_worker();
    const std::uint64_t before = worker.switches();
    for (auto wait = 100us; !worn(worker); wait = std::min<std::chrono::microseconds>(2 * wait, 50ms)) {
      ++totals_->not_worn;
      std::this_thread::sleep_for(wait);
    }
    totals_->switches += worker.switches() - before;
  }

  void on_scheduler_exit(bool is_worker) override {
    if (!is_worker) {
      if (!guests().empty() && guests().back().arena == this) guests().pop_back();
      return;
    }
    this_worker().leave();
    --totals_->workers_inside;
    --inside_;
  }

  [[nodiscard]] oneapi::tbb::task_arena& arena() noexcept { return arena_; }
  [[nodiscard]] bool is_of(const Carried& who) const noexcept { return detail::same(who_.data(), who.data()); }

  // Gives oneTBB its arena back. It is done away with when no worker is inside and one has seen that there is no work.
  void leave() noexcept {
    left_ = true;
    ++totals_->leaving;
    arena_.terminate();
  }
  // oneTBB's arena is no more (it ends the observation): no worker comes.
  [[nodiscard]] bool gone() const noexcept { return !is_observing() && inside_ == 0; }

  bool alone = false;  // without workers, for one call

 private:
  bool worn(Worker& worker) const noexcept {
    try {
      worker.enter(who_);
      return true;
    } catch (...) {
      return false;
    }
  }

  const Carried who_;
  oneapi::tbb::task_arena arena_;
  const std::shared_ptr<Totals> totals_;
  std::atomic<std::size_t> inside_{0};
  bool left_ = false;
};

// Arenas that were given back, until they are gone. A worker that comes meanwhile wears the identity as ever: it may
// find work that was left behind, and if it were not told that it leaves it would stay the user. They are the
// process's, as oneTBB's workers are, to the end of it.
class Arenas::Leaving {
 public:
  static Leaving& of_process() {
    static auto* const leaving = new Leaving;
    return *leaving;
  }

  void add(Nodes arenas) noexcept {
    for (const auto& arena : arenas) arena->leave();
    const std::lock_guard lock(mutex_);
    arenas_.splice(arenas_.end(), arenas);
  }

  // Whether so many are still there that workers do not keep up with them. oneTBB goes through all of its arenas for
  // each loop that begins.
  bool too_many() noexcept {
    constexpr std::size_t at_most = 32;
    do_away();
    const std::lock_guard lock(mutex_);
    return arenas_.size() >= at_most;
  }

  void do_away() noexcept {
    Nodes gone;  // destroyed outside of the lock
    const std::lock_guard lock(mutex_);
    for (auto at = arenas_.begin(); at != arenas_.end();) {
      const auto arena = at++;
      if ((*arena)->gone()) gone.splice(gone.end(), arenas_, arena);
    }
  }

 private:
  std::mutex mutex_;
  Nodes arenas_;
};

class Arenas::Core {
 public:
  explicit Core(const ArenasOptions& options) : options_(options) { warm_up(); }

  ~Core() {
    Leaving& leaving = Leaving::of_process();
    leaving.add(std::move(idle_));
    const auto give_up = std::chrono::steady_clock::now() + 1s;
    for (leaving.do_away(); totals_->leaving != 0 && std::chrono::steady_clock::now() < give_up; leaving.do_away()) {
      std::this_thread::sleep_for(100us);
    }
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // An arena of that identity that nobody uses.
  Nodes take(const Carried& who) {
    Nodes taken;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& arena) { return arena->is_of(who); });
      if (found != idle_.end()) taken.splice(taken.end(), idle_, found);
    }
    if (taken.empty()) {
      const bool alone = Leaving::of_process().too_many();
      taken.push_back(std::make_unique<Arena>(who, alone ? 1 : options_.threads, totals_));
      taken.front()->alone = alone;
      ++(alone ? alone_ : made_);
    }
    ++in_use_;
    return taken;
  }

  void give_back(Nodes used) noexcept {
    --in_use_;
    Nodes leave;
    if (used.front()->alone) {
      leave = std::move(used);
    } else {
      const std::lock_guard lock(mutex_);
      idle_.splice(idle_.begin(), used);
      if (idle_.size() > options_.kept) leave.splice(leave.end(), idle_, std::prev(idle_.end()));
    }
    if (!leave.empty()) Leaving::of_process().add(std::move(leave));
  }

  ArenasCounts counts() const {
    Leaving::of_process().do_away();
    ArenasCounts counts;
    counts.made = made_;
    counts.alone = alone_;
    counts.switches = totals_->switches;
    counts.not_worn = totals_->not_worn;
    counts.workers_inside = totals_->workers_inside;
    counts.leaving = totals_->leaving;
    const std::lock_guard lock(mutex_);
    counts.arenas = idle_.size() + in_use_;
    return counts;
  }

 private:
  const ArenasOptions options_;
  const std::shared_ptr<Totals> totals_ = std::make_shared<Totals>();
  std::atomic<std::uint64_t> made_{0};
  std::atomic<std::uint64_t> alone_{0};
  std::atomic<std::size_t> in_use_{0};
  mutable std::mutex mutex_;
  Nodes idle_;  // who was used last comes first
};

Arenas::Arenas(const ArenasOptions& options) : core_(std::make_unique<Core>(options)) {}
Arenas::~Arenas() = default;

ArenasCounts Arenas::counts() const {
  return core_->counts();
}

Arenas::Use::Use(Arenas& arenas, const Carried& who) : arenas_(arenas), arena_(arenas.core_->take(who)) {}
Arenas::Use::~Use() {
  arenas_.core_->give_back(std::move(arena_));
}
oneapi::tbb::task_arena& Arenas::Use::arena() const {
  return arena_.front()->arena();
}

}  // namespace behalf::tbb
