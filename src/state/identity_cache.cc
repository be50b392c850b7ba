#include "behalf/identity_cache.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "behalf/error.h"
#include "identity/thread_memo.h"
#include "identity/token_data.h"
#include "state/identity_index.h"
#include "state/known_objects.h"
#include "state/use_order.h"
#include "transfer/whoever.h"

namespace behalf::detail {

namespace {

using Object = std::shared_ptr<void>;
using Moment = std::chrono::steady_clock::time_point;

// Parts have locks of their own. Small caches have one, so that what is dropped for want of room is the right one.
constexpr std::size_t parts_at_most = 64;
constexpr std::size_t objects_of_a_part = 256;

// How many that were asked for since are passed over, in the search for one to drop: nobody waits long for room.
constexpr std::size_t passed_over_at_most = 64;

// Somebody makes or probes an object; whoever asks for it meanwhile waits. Under the lock of the part, but for `by`.
struct Flight {
  std::atomic<std::thread::id> by{};
  bool stale = false;  // dropped meanwhile: it is for those who have asked before
  bool done = false;
  bool made_none = false;  // it was probed and is fit
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

class alignas(64) IdentityCache::Part {
 public:
  void belong_to(const IdentityCache& cache, std::size_t at_most) noexcept {
    cache_ = &cache;
    at_most_ = at_most;
  }

  // What is there and needs nothing; null otherwise.
  Object find(const TokenPtr& who, std::size_t hash) {
    const Moment now = cache_->now();
    const std::lock_guard lock(mutex_);
    Slot* const slot = entries_.find(who.get(), hash);
    if (slot == nullptr || slot->ready == nullptr) return nullptr;
    if (cache_->needs_time_) {
      Entry& entry = *slot->entry;
      if (!may_be_given(entry, now)) return nullptr;
      entry.used = now;
    }
    ++counts_.hits;
    entries_.set_asked_for(*slot);
    if (who != nullptr && wants_to_know(cache_->id_, who.get(), hash)) tell_this_thread(*slot->entry, who);
    return slot->ready;
  }

  // The same, and what has to be made, probed or waited for.
  Object get(const Carried& who) {
    if (Object there = find(who.data(), hash_of(who.data().get()))) return there;
    return fetch(who, cache_->now(), false);
  }

  Object refresh(const Carried& who) { return fetch(who, std::chrono::steady_clock::now(), true); }

  bool drop(const TokenPtr& whose) noexcept {
    Entry dropped;
    const std::lock_guard lock(mutex_);
    const Slot* const slot = entries_.find(whose);
    if (slot == nullptr) return false;
    dropped = take_out(*slot->entry);
    return true;
  }

  void clear() noexcept {
    Entries dropped;
    const std::lock_guard lock(mutex_);
    entries_.each([this](Entry& entry) {
      if (entry.flight != nullptr) entry.flight->stale = true;
      forget(entry);
    });
    by_use_.clear();
    std::swap(dropped, entries_);
  }

  void drop_expired() noexcept {
    std::vector<Entry> dropped;
    const Moment now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (Entry* at = by_use_.oldest(); at != nullptr;) {
      Entry& entry = *std::exchange(at, at->place.newer);
      if (entry.flight != nullptr || !expired(entry, now)) continue;
      ++counts_.expired;
      dropped.push_back(take_out(entry));
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
  struct Entry {
    TokenPtr who;
    Object object;  // its slot has it as ready where nothing is in flight
    std::shared_ptr<Flight> flight;
    std::shared_ptr<KnownObject> known;  // where a thread knows the object
    Moment made, used, probed;
    PlaceInOrder<Entry> place;  // where there is an object
  };
  using Entries = IdentityIndex<Entry>;
  using Slot = Entries::Slot;

  // The following are under the lock. What they drop is to be let go after it, since it is destroyed as its user.

  static Moment last_use(const Entry& entry) noexcept {
    if (entry.known == nullptr) return entry.used;
    return std::max(entry.used, Moment(Moment::duration(entry.known->used.load(std::memory_order_relaxed))));
  }

  bool expired(const Entry& entry, Moment now) const noexcept {
    return cache_->needs_time_ && cache_->has_expired(now, entry.made, last_use(entry));
  }

  bool may_be_given(const Entry& entry, Moment now) const noexcept {
    return entry.object != nullptr && !expired(entry, now) && !cache_->wants_probe(now, entry.probed);
  }

  // But of a token with tickets: they are there as long as a copy of it, and not for what a thread remembers.
  void tell_this_thread(Entry& entry, const TokenPtr& who) noexcept {
    if (who->tickets.kept != nullptr) return;
    try {
      if (entry.known == nullptr) {
        entry.known = std::make_shared<KnownObject>(entry.object, entry.made, entry.probed, entry.used);
      }
    } catch (const std::bad_alloc&) {
      return;
    }
    know(cache_->id_, who, entry.known);
  }

  // Nobody gets the object any more without looking at the entry.
  void forget(Entry& entry) noexcept {
    Slot& slot = entries_.slot_of(entry);
    slot.ready = nullptr;
    if (entry.known == nullptr) return;
    entry.used = last_use(entry);
    if (entry.known->asked_for.load(std::memory_order_relaxed)) entries_.set_asked_for(slot);
    entry.known->given_out.store(false, std::memory_order_release);
    entry.known = nullptr;
  }

  Entry take_out(Entry& entry) noexcept {
    forget(entry);
    if (entry.flight != nullptr) entry.flight->stale = true;
    if (entry.object != nullptr) by_use_.take(entry);
    return entries_.take(entry);
  }

  Entry& entry_of(const TokenPtr& who) {
    if (const Slot* const there = entries_.find(who)) return *there->entry;
    return entries_.insert(who);
  }

  // What is not there, or not to be given as it is: made, or waited for.
  Object fetch(const Carried& who, Moment now, bool anew) {
    for (;;) {
      // Let go after the lock and when nothing is in flight: what ends may ask for its like.
      Entry outlived;
      std::shared_ptr<Flight> flight;
      std::unique_lock lock(mutex_);
      Entry& entry = entry_of(who.data());
      if (entry.flight != nullptr) {
        flight = entry.flight;
        wait_for(lock, *flight);
        if (anew && flight->made_none) continue;
        ++counts_.hits;
        return flight->object;
      }
      if (!anew && may_be_given(entry, now)) {  // another thread was first
        ++counts_.hits;
        entry.used = now;
        return entry.object;
      }
      if (!anew && entry.object != nullptr && expired(entry, now)) {
        ++counts_.expired;
        outlived = take_out(entry);
        continue;
      }
      flight = std::make_shared<Flight>();
      entry.flight = flight;
      forget(entry);
      Object old = anew ? nullptr : entry.object;
      lock.unlock();
      return fly(who, *flight, std::move(old), anew);
    }
  }

  // Makes it, or finds the old one fit.
  Object fly(const Carried& who, Flight& flight, Object old, bool anew) {
    flight.made_none = old != nullptr && is_fit(who, flight, old.get());
    try {
      flight.object = flight.made_none ? old : make(who, flight);
    } catch (...) {
      flight.failed = std::current_exception();
    }
    old = nullptr;
    land(who, flight, anew);
    if (flight.failed) std::rethrow_exception(flight.failed);
    return flight.object;
  }

  void wait_for(std::unique_lock<std::mutex>& lock, const Flight& flight) {
    if (flight.by == std::this_thread::get_id()) {
      throw Error(Error::Reason::would_wait_for_itself,
                  "behalf: per_identity: the object is asked for by what makes it");
    }
    landed_.wait(lock, [&] { return flight.done; });
    if (flight.failed) std::rethrow_exception(flight.failed);
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
  void land(const Carried& who, Flight& flight, bool anew) {
    Object replaced;
    Entry dropped, evicted;
    const std::lock_guard lock(mutex_);
    const Moment now = cache_->now();
    const bool was_fit = flight.made_none;
    flight.done = true;
    if (flight.failed) {
      ++counts_.failed;
    } else if (!was_fit) {
      ++counts_.made;
    }
    if (!flight.stale) {
      Slot& slot = *entries_.find(who.data());
      Entry& entry = *slot.entry;
      entry.flight = nullptr;
      if (!was_fit && !anew && entry.object != nullptr) ++counts_.unfit;
      if (flight.failed && (!anew || entry.object == nullptr)) {
        dropped = take_out(entry);
      } else if (flight.failed) {
        slot.ready = entry.object;
        evicted = make_room();  // others may have come meanwhile, when it could not be dropped
      } else {
        if (entry.object == nullptr) {
          by_use_.add(entry);
        } else {
          by_use_.make_newest(entry);
        }
        (void)entries_.take_asked_for(entry);
        replaced = std::exchange(entry.object, flight.object);
        slot.ready = entry.object;
        if (!was_fit) entry.made = now;
        entry.probed = now;
        entry.used = now;
        evicted = make_room();
      }
    }
    landed_.notify_all();
  }

  bool was_asked_for(const Entry& entry) noexcept {
    const bool by_threads = entry.known != nullptr && entry.known->asked_for.exchange(false, std::memory_order_relaxed);
    return entries_.take_asked_for(entry) || by_threads;
  }

  // The oldest but what was just made. What was asked for since it came to its place becomes the second newest first,
  // so that it has another turn ("second chance").
  Entry make_room() noexcept {
    if (by_use_.size() <= at_most_) return {};
    if (at_most_ == 0) {
      ++counts_.evicted;
      return take_out(*by_use_.newest());
    }
    std::size_t passed_over = 0;
    for (Entry* at = by_use_.oldest(); at != by_use_.newest();) {
      Entry& entry = *std::exchange(at, at->place.newer);
      if (entry.flight != nullptr) continue;
      if (passed_over == passed_over_at_most || !was_asked_for(entry)) {
        ++counts_.evicted;
        return take_out(entry);
      }
      ++passed_over;
      by_use_.make_second_newest(entry);
      if (at == by_use_.newest()) at = by_use_.oldest();
    }
    return {};
  }

  const IdentityCache* cache_ = nullptr;
  std::size_t at_most_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable landed_;
  Entries entries_;
  UseOrder<Entry> by_use_;
  PerIdentityCounts counts_;
};

namespace {

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

IdentityCache::IdentityCache(const PerIdentityOptions& options, Make make, Probe probe)
    : options_(options),
      make_(std::move(make)),
      probe_(std::move(probe)),
      needs_time_(options.lives != PerIdentityOptions::for_ever ||
                  options.lives_unused != PerIdentityOptions::for_ever || probe_ != nullptr),
      id_(next_id()),
      parts_count_(std::clamp<std::size_t>(options.at_most / objects_of_a_part, 1, parts_at_most)),
      parts_(new Part[parts_count_]),
      known_hits_(std::make_unique<CountOfThreads>()) {
  const std::size_t each = options.at_most / parts_count_;
  for (std::size_t i = 0; i < parts_count_; ++i) parts_[i].belong_to(*this, each);
}

IdentityCache::~IdentityCache() = default;

IdentityCache::Moment IdentityCache::now() const noexcept {
  return needs_time_ ? std::chrono::steady_clock::now() : Moment{};
}

bool IdentityCache::has_expired(Moment now, Moment made, Moment used) const noexcept {
  return over(now, made, options_.lives) || over(now, used, options_.lives_unused);
}

bool IdentityCache::wants_probe(Moment now, Moment probed) const noexcept {
  return probe_ != nullptr && now - probed >= options_.probed_after;
}

IdentityCache::Part& IdentityCache::part_of(std::size_t hash) const noexcept {
  return parts_[(hash >> 24U) % parts_count_];  // a part uses the lower bits
}

Object IdentityCache::find_known(const TokenData* who, std::size_t hash) const noexcept {
  KnownObject* const known = known_to_this_thread(id_, who, hash);
  if (known == nullptr || !known->given_out.load(std::memory_order_acquire)) return nullptr;
  if (needs_time_) {
    const Moment now = std::chrono::steady_clock::now();
    const Moment used{Moment::duration(known->used.load(std::memory_order_relaxed))};
    if (has_expired(now, known->made, used) || wants_probe(now, known->probed)) return nullptr;
    known->used.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  Object object = known->object.lock();
  if (object == nullptr) return nullptr;
  if (!known->asked_for.load(std::memory_order_relaxed)) known->asked_for.store(true, std::memory_order_relaxed);
  known_hits_->add();
  return object;
}

Object IdentityCache::find(const TokenPtr& who, std::size_t hash) const {
  if (who == nullptr) return nullptr;
  // Another token of the same content would be compared with it, and who asks mostly looks into it next: it is waited
  // for at the same time as what is looked up.
  __builtin_prefetch(who.get());
  if (Object known = find_known(who.get(), hash)) return known;
  return part_of(hash).find(who, hash);
}

Object IdentityCache::find() const {
  const Memo* const memo = memo_or_null();
  return memo != nullptr && memo->known ? find(memo->worn, hash_of(memo->worn.get())) : nullptr;
}

Object IdentityCache::get(const Carried& who) {
  return part_of(hash_of(who.data().get())).get(who);
}
Object IdentityCache::refresh(const Carried& who) {
  return part_of(hash_of(who.data().get())).refresh(who);
}
bool IdentityCache::drop(const Carried& who) noexcept {
  return part_of(hash_of(who.data().get())).drop(who.data());
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
  sum.hits += known_hits_->sum();
  return sum;
}

}  // namespace behalf::detail
