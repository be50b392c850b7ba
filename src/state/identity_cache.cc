#include "behalf/identity_cache.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "behalf/error.h"
#include "identity/token_data.h"
#include "transfer/whoever.h"

namespace behalf::detail {

namespace {

using Object = std::shared_ptr<void>;
using Moment = std::chrono::steady_clock::time_point;

// Parts have locks of their own. Small caches have one, so that what is dropped for want of room is the right one.
constexpr std::size_t parts_at_most = 16;
constexpr std::size_t objects_of_a_part = 256;

struct HashOfToken {
  std::size_t operator()(const TokenPtr& token) const noexcept { return token == nullptr ? 0 : token->hash; }
};
struct SameToken {
  bool operator()(const TokenPtr& a, const TokenPtr& b) const noexcept { return same(a, b); }
};

// Somebody makes or probes an object; whoever asks for it meanwhile waits. Under the lock of the part, but for `by`.
struct Flight {
  std::atomic<std::thread::id> by{};
  bool stale = false;  // dropped meanwhile: it is for those who have asked before
  bool done = false;
  Object object;
  std::exception_ptr failed;
};

// That this thread makes or probes, so that it does not wait for itself. No longer than that: threads that run_as()
// uses serve others next.
class Aboard {
 public:
  explicit Aboard(Flight& flight) noexcept : flight_(flight) { flight_.by = std::this_thread::get_id(); }
  ~Aboard() { flight_.by = std::thread::id{}; }
  Aboard(const Aboard&) = delete;
  Aboard& operator=(const Aboard&) = delete;

 private:
  Flight& flight_;
};

// f() as the identity.
template <class F>
void run_in(Flight& flight, const Carried& who, const F& f) {
  run_as_whoever(who, [&] {
    const Aboard aboard(flight);
    f();
  });
}

bool over(Moment now, Moment since, std::chrono::nanoseconds time) noexcept {
  return time != PerIdentityOptions::for_ever && now - since >= time;
}

}  // namespace

class IdentityCache::Part {
 public:
  void belong_to(const IdentityCache& cache, std::size_t at_most) noexcept {
    cache_ = &cache;
    at_most_ = at_most;
    const PerIdentityOptions& options = cache.options_;
    needs_time_ = options.lives != PerIdentityOptions::for_ever ||
                  options.lives_unused != PerIdentityOptions::for_ever || cache.probe_ != nullptr;
  }

  Object get(const Carried& who) {
    const Moment now = needs_time_ ? std::chrono::steady_clock::now() : Moment{};
    std::unique_lock lock(mutex_);
    const auto at = entries_.find(who.data());
    if (at != entries_.end() && at->second.flight == nullptr && may_be_given(at->second, now)) {
      ++counts_.hits;
      touch(at->second, now);
      return at->second.object;
    }
    return fetch(lock, who, now, false);
  }

  Object refresh(const Carried& who) {
    std::unique_lock lock(mutex_);
    return fetch(lock, who, std::chrono::steady_clock::now(), true);
  }

  bool drop(const TokenPtr& whose) noexcept {
    Entries::node_type dropped;
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(whose);
    if (at == entries_.end()) return false;
    dropped = take_out(at);
    return true;
  }

  void clear() noexcept {
    Entries dropped;
    const std::lock_guard lock(mutex_);
    for (auto& [whose, entry] : entries_) {
      if (entry.flight != nullptr) entry.flight->stale = true;
    }
    by_use_.clear();
    dropped.swap(entries_);
  }

  void drop_expired() noexcept {
    std::vector<Entries::node_type> dropped;
    const Moment now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end();) {
      const auto here = at++;
      if (here->second.flight != nullptr || !expired(here->second, now)) continue;
      ++counts_.expired;
      dropped.push_back(take_out(here));
    }
  }

  void add_counts(PerIdentityCounts& sum) const {
    const std::lock_guard lock(mutex_);
    sum.hits += counts_.hits;
    sum.made += counts_.made;
    sum.failed += counts_.failed;
    sum.evicted += counts_.evicted;
    sum.expired += counts_.expired;
    sum.unfit += counts_.unfit;
    sum.kept += by_use_.size();
  }

 private:
  struct Entry;
  using Entries = std::unordered_map<TokenPtr, Entry, HashOfToken, SameToken>;
  using ByUse = std::list<const TokenPtr*>;  // what was asked for last comes first
  struct Entry {
    Object object;
    std::shared_ptr<Flight> flight;
    Moment made, used, probed;
    ByUse::iterator place;  // where there is an object
  };

  // The following are under the lock. What they drop is to be let go after it, since it is destroyed as its user.

  bool expired(const Entry& entry, Moment now) const noexcept {
    return over(now, entry.made, cache_->options_.lives) || over(now, entry.used, cache_->options_.lives_unused);
  }

  bool wants_probe(const Entry& entry, Moment now) const noexcept {
    return cache_->probe_ != nullptr && now - entry.probed >= cache_->options_.probed_after;
  }

  bool may_be_given(const Entry& entry, Moment now) const noexcept {
    return entry.object != nullptr && (!needs_time_ || (!expired(entry, now) && !wants_probe(entry, now)));
  }

  void touch(Entry& entry, Moment now) noexcept {
    entry.used = now;
    by_use_.splice(by_use_.begin(), by_use_, entry.place);
  }

  Entries::node_type take_out(Entries::iterator at) noexcept {
    if (at->second.flight != nullptr) at->second.flight->stale = true;
    if (at->second.object != nullptr) by_use_.erase(at->second.place);
    return entries_.extract(at);
  }

  // What is not there, or not to be given as it is: made, or waited for.
  Object fetch(std::unique_lock<std::mutex>& lock, const Carried& who, Moment now, bool anew) {
    Entry& entry = entries_[who.data()];
    if (entry.flight != nullptr) {
      const std::shared_ptr<Flight> flight = entry.flight;
      return wait_for(lock, *flight);
    }
    const std::shared_ptr<Flight> flight = std::make_shared<Flight>();
    entry.flight = flight;
    Object old = anew ? nullptr : entry.object;
    if (old != nullptr && expired(entry, now)) {
      ++counts_.expired;
      by_use_.erase(entry.place);
      entry.object = nullptr;
      lock.unlock();
      old = nullptr;
    } else {
      lock.unlock();
    }
    const bool fit = old != nullptr && is_fit(who, *flight, old.get());
    try {
      flight->object = fit ? old : make(who, *flight);
    } catch (...) {
      flight->failed = std::current_exception();
    }
    old = nullptr;
    land(lock, who, *flight, fit, anew);
    if (flight->failed) std::rethrow_exception(flight->failed);
    return flight->object;
  }

  Object wait_for(std::unique_lock<std::mutex>& lock, const Flight& flight) {
    if (flight.by == std::this_thread::get_id()) {
      throw Error(Error::Reason::would_wait_for_itself,
                  "behalf: per_identity: the object is asked for by what makes it");
    }
    landed_.wait(lock, [&] { return flight.done; });
    if (flight.failed) std::rethrow_exception(flight.failed);
    ++counts_.hits;
    return flight.object;
  }

  Object make(const Carried& who, Flight& flight) const {
    Object made;
    run_in(flight, who, [&] { made = cache_->make_(who); });
    return made;
  }

  bool is_fit(const Carried& who, Flight& flight, void* object) const {
    bool fit = false;
    try {
      run_in(flight, who, [&] { fit = cache_->probe_(object); });
    } catch (...) {
      fit = false;
    }
    return fit;
  }

  // Puts what came of it in its place, and tells who waits.
  void land(std::unique_lock<std::mutex>& lock, const Carried& who, Flight& flight, bool was_fit, bool anew) {
    Object replaced;
    Entries::node_type dropped, evicted;
    lock.lock();
    const Moment now = needs_time_ ? std::chrono::steady_clock::now() : Moment{};
    flight.done = true;
    if (flight.failed) {
      ++counts_.failed;
    } else if (!was_fit) {
      ++counts_.made;
    }
    if (!flight.stale) {
      const auto at = entries_.find(who.data());
      Entry& entry = at->second;
      entry.flight = nullptr;
      if (!was_fit && !anew && entry.object != nullptr) ++counts_.unfit;
      if (flight.failed && (!anew || entry.object == nullptr)) {
        dropped = take_out(at);
      } else if (!flight.failed) {
        try {
          if (entry.object == nullptr) entry.place = by_use_.insert(by_use_.begin(), &at->first);
          replaced = std::exchange(entry.object, flight.object);
          if (!was_fit) entry.made = now;
          entry.probed = now;
          touch(entry, now);
          evicted = make_room();
        } catch (...) {  // it is given out and not kept
          dropped = take_out(at);
        }
      }
    }
    landed_.notify_all();
    lock.unlock();
  }

  Entries::node_type make_room() noexcept {
    if (by_use_.size() <= at_most_) return {};
    for (auto last = by_use_.rbegin(); last != by_use_.rend(); ++last) {
      const auto at = entries_.find(**last);
      if (at->second.flight != nullptr || last.base() == std::next(by_use_.begin())) continue;
      ++counts_.evicted;
      return take_out(at);
    }
    return {};
  }

  const IdentityCache* cache_ = nullptr;
  std::size_t at_most_ = 0;
  bool needs_time_ = false;
  mutable std::mutex mutex_;
  std::condition_variable landed_;
  Entries entries_;
  ByUse by_use_;
  PerIdentityCounts counts_;
};

IdentityCache::IdentityCache(const PerIdentityOptions& options, Make make, Probe probe)
    : options_(options),
      make_(std::move(make)),
      probe_(std::move(probe)),
      parts_count_(std::clamp<std::size_t>(options.at_most / objects_of_a_part, 1, parts_at_most)),
      parts_(new Part[parts_count_]) {
  const std::size_t each = std::max<std::size_t>(1, (options.at_most + parts_count_ - 1) / parts_count_);
  for (std::size_t i = 0; i < parts_count_; ++i) parts_[i].belong_to(*this, each);
}

IdentityCache::~IdentityCache() = default;

IdentityCache::Part& IdentityCache::part_of(const Carried& who) const noexcept {
  const std::size_t hash = who.data() == nullptr ? 0 : who.data()->hash;
  return parts_[(hash >> 24U) % parts_count_];  // the map uses the lower bits
}

std::shared_ptr<void> IdentityCache::get(const Carried& who) {
  return part_of(who).get(who);
}
std::shared_ptr<void> IdentityCache::refresh(const Carried& who) {
  return part_of(who).refresh(who);
}
bool IdentityCache::drop(const Carried& who) noexcept {
  return part_of(who).drop(who.data());
}
void IdentityCache::clear() noexcept {
  for (std::size_t i = 0; i < parts_count_; ++i) parts_[i].clear();
}
void IdentityCache::drop_expired() noexcept {
  for (std::size_t i = 0; i < parts_count_; ++i) parts_[i].drop_expired();
}
PerIdentityCounts IdentityCache::counts() const {
  PerIdentityCounts sum;
  for (std::size_t i = 0; i < parts_count_; ++i) parts_[i].add_counts(sum);
  return sum;
}

}  // namespace behalf::detail
