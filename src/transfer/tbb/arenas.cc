#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "behalf/tbb.h"
#include "identity/service.h"
#include "identity/token_data.h"
#include "identity/worker_signals.h"
#include "transfer/wearer.h"

namespace behalf::tbb {

namespace {

using detail::TokenPtr;
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

class Arenas::Arena final : public oneapi::tbb::task_scheduler_observer {
 public:
  Arena(const Carried& who, int threads) : task_scheduler_observer(arena_), who_(who), arena_(threads, 1) {
    arena_.initialize();
    observe(true);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // A worker that is still inside would not be told that it leaves, once nobody observes it.
  ~Arena() override {
    ends_ = true;
    while (inside_ != 0) std::this_thread::sleep_for(100us);
    observe(false);
  }

  void on_scheduler_entry(bool is_worker) override {
    if (!is_worker) return;  // the caller wears the identity already
    ++inside_;
    Worker& worker = this_worker();
    const std::uint64_t before = worker.switches();
    for (auto wait = 100us; !worn(worker) && !ends_; wait = std::min<std::chrono::microseconds>(2 * wait, 50ms)) {
      ++not_worn_;
      std::this_thread::sleep_for(wait);
    }
    switches_ += worker.switches() - before;
  }

  void on_scheduler_exit(bool is_worker) override {
    if (!is_worker) return;
    this_worker().leave();
    --inside_;
  }

  [[nodiscard]] oneapi::tbb::task_arena& arena() noexcept { return arena_; }
  [[nodiscard]] bool idle() const noexcept { return users == 0 && inside_ == 0; }
  [[nodiscard]] const TokenPtr& token() const noexcept { return who_.data(); }

  std::size_t users = 0;  // under the lock of Core

  void add_to(ArenasCounts& counts) const noexcept {
    counts.switches += switches_;
    counts.not_worn += not_worn_;
    counts.workers_inside += inside_;
  }

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
  std::atomic<std::size_t> inside_{0};
  std::atomic<bool> ends_{false};
  std::atomic<std::uint64_t> switches_{0};
  std::atomic<std::uint64_t> not_worn_{0};
};

class Arenas::Core {
 public:
  explicit Core(const ArenasOptions& options) : options_(options) { warm_up(); }

  std::shared_ptr<Arena> arena_of(const Carried& who) {
    std::list<std::shared_ptr<Arena>> ended;  // destroyed outside of the lock
    const std::lock_guard lock(mutex_);
    auto found = by_token_.find(who.data());
    if (found == by_token_.end()) {
      arenas_.push_front(std::make_shared<Arena>(who, options_.threads));
      ++made_;
      found = by_token_.emplace(arenas_.front()->token(), arenas_.begin()).first;
    } else {
      arenas_.splice(arenas_.begin(), arenas_, found->second);
    }
    ++arenas_.front()->users;
    for (auto at = arenas_.end(); arenas_.size() > options_.kept && at != std::next(arenas_.begin());) {
      const auto candidate = std::prev(at);
      if (!(*candidate)->idle()) {
        at = candidate;
        continue;
      }
      (*candidate)->add_to(of_ended_);
      by_token_.erase((*candidate)->token());
      ended.splice(ended.end(), arenas_, candidate);
    }
    return arenas_.front();
  }

  void done_with(Arena& arena) {
    const std::lock_guard lock(mutex_);
    --arena.users;
  }

  ArenasCounts counts() const {
    const std::lock_guard lock(mutex_);
    ArenasCounts counts = of_ended_;
    counts.workers_inside = 0;
    counts.arenas = arenas_.size();
    counts.made = made_;
    for (const auto& arena : arenas_) arena->add_to(counts);
    return counts;
  }

 private:
  struct Hash {
    std::size_t operator()(const TokenPtr& token) const noexcept { return token != nullptr ? token->hash : 0; }
  };
  struct Same {
    bool operator()(const TokenPtr& a, const TokenPtr& b) const noexcept { return detail::same(a, b); }
  };
  using ByAge = std::list<std::shared_ptr<Arena>>;

  const ArenasOptions options_;
  mutable std::mutex mutex_;
  ByAge arenas_;  // who asked last comes first
  std::unordered_map<TokenPtr, ByAge::iterator, Hash, Same> by_token_;
  std::uint64_t made_ = 0;
  ArenasCounts of_ended_;
};

Arenas::Arenas(const ArenasOptions& options) : core_(std::make_unique<Core>(options)) {}
Arenas::~Arenas() = default;

ArenasCounts Arenas::counts() const {
  return core_->counts();
}

Arenas::Use::Use(Arenas& arenas, const Carried& who) : arenas_(arenas), arena_(arenas.core_->arena_of(who)) {}
Arenas::Use::~Use() {
  arenas_.core_->done_with(*arena_);
}
oneapi::tbb::task_arena& Arenas::Use::arena() const {
  return arena_->arena();
}

}  // namespace behalf::tbb
