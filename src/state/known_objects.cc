#include "state/known_objects.h"

#include <mutex>
#include <new>
#include <utility>

namespace behalf::detail {

// The number of the thread's place in every CountOfThreads; the last, which is shared, where no other is free.
struct PlaceOfThread {
  static constexpr std::size_t shared = CountOfThreads::own_places;

  PlaceOfThread() noexcept {
    const std::lock_guard lock(mutex());
    while (number < shared && taken[number]) ++number;
    if (number < shared) taken[number] = true;
  }
  ~PlaceOfThread() {
    if (number == shared) return;
    const std::lock_guard lock(mutex());
    taken[number] = false;
  }
  PlaceOfThread(const PlaceOfThread&) = delete;
  PlaceOfThread& operator=(const PlaceOfThread&) = delete;

  std::size_t number = 0;

 private:
  // Who has a place after another thread sees what that one has counted there.
  static std::mutex& mutex() noexcept {
    static std::mutex* const made = new std::mutex;  // threads end after what is static
    return *made;
  }
  static inline bool taken[shared] = {};
};

namespace {

// By the hash of the identity; one is pushed out by another of the same place.
constexpr std::size_t known_at_most = 256;

struct Known {
  std::uint64_t cache = 0;
  TokenPtr who;  // so that no other token comes to have its address
  std::shared_ptr<KnownObject> object;
  // What was asked for last and is not known: compared, and not looked into.
  std::uint64_t other_cache = 0;
  const TokenData* other = nullptr;
};

struct Thread {
  PlaceOfThread place;
  std::unique_ptr<Known[]> known;
};

// What has no destructor is there to the very end of a thread, when others' destructors still ask.
thread_local Thread* this_thread = nullptr;
thread_local bool has_ended = false;

Thread* begin_thread() noexcept {
  struct Owner {
    Thread thread;
    Owner() { this_thread = &thread; }
    ~Owner() {
      this_thread = nullptr;
      has_ended = true;
    }
  };
  thread_local Owner owner;
  return this_thread;
}

Thread* thread_or_null() noexcept {
  if (this_thread != nullptr || has_ended) return this_thread;
  return begin_thread();
}

Known& at(Known* all, std::uint64_t cache, std::size_t hash) noexcept {
  return all[(hash ^ cache) % known_at_most];
}

}  // namespace

KnownObject* known_to_this_thread(std::uint64_t cache, const TokenData* who, std::size_t hash) noexcept {
  if (this_thread == nullptr || this_thread->known == nullptr) return nullptr;
  const Known& known = at(this_thread->known.get(), cache, hash);
  return known.who.get() == who && known.cache == cache ? known.object.get() : nullptr;
}

bool wants_to_know(std::uint64_t cache, const TokenData* who, std::size_t hash) noexcept {
  Thread* const thread = thread_or_null();
  if (thread == nullptr) return false;
  if (thread->known == nullptr) thread->known.reset(new (std::nothrow) Known[known_at_most]);
  if (thread->known == nullptr) return false;
  Known& known = at(thread->known.get(), cache, hash);
  if (known.other == who && known.other_cache == cache) return true;
  known.other = who;
  known.other_cache = cache;
  return false;
}

void know(std::uint64_t cache, const TokenPtr& who, std::shared_ptr<KnownObject> object) noexcept {
  Known& known = at(this_thread->known.get(), cache, who->hash);
  known.cache = cache;
  known.who = who;
  known.object = std::move(object);
}

void CountOfThreads::add() noexcept {
  const Thread* const thread = thread_or_null();
  const std::size_t number = thread == nullptr ? own_places : thread->place.number;
  std::atomic<std::uint64_t>& count = places_[number].count;
  if (number == own_places) {
    count.fetch_add(1, std::memory_order_relaxed);
  } else {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
}

std::uint64_t CountOfThreads::sum() const noexcept {
  std::uint64_t sum = 0;
  for (const Place& place : places_) sum += place.count.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace behalf::detail
