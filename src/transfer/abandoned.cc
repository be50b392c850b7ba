#include <mutex>
#include <utility>
#include <vector>

#include "behalf/carried.h"
#include "identity/give_back_failure.h"
#include "transfer/whoever.h"

namespace behalf {

namespace detail {

namespace {

struct Remains {
  Carried who;
  void (*destroy)(void*) noexcept;
  void* object;
};

struct Kept {
  std::mutex mutex;
  std::vector<Remains> remains;
};

// Never destroyed: threads may outlive static objects.
Kept& kept() {
  static Kept* const all = new Kept;
  return *all;
}

}  // namespace

bool done_as(const Carried& who, void (*act)(void*) noexcept, void* object) noexcept {
  try {
    run_as_whoever(who, [&] { act(object); });
    return true;
  } catch (...) {
    return false;  // act() throws nothing, so it has not been called
  }
}

void destroy_as(const Carried& who, void (*destroy)(void*) noexcept, void* object) noexcept {
  if (!done_as(who, destroy, object)) keep(who, destroy, object);
}

void keep(const Carried& who, void (*destroy)(void*) noexcept, void* object) noexcept {
  try {
    Kept& all = kept();
    const std::lock_guard lock(all.mutex);
    all.remains.push_back({who, destroy, object});
  } catch (...) {
    end_process("behalf: an object can neither be destroyed as its user nor be kept: out of memory\n");
  }
}

}  // namespace detail

std::size_t abandoned() noexcept {
  detail::Kept& all = detail::kept();
  const std::lock_guard lock(all.mutex);
  return all.remains.size();
}

std::size_t destroy_abandoned() noexcept {
  detail::Kept& all = detail::kept();
  std::vector<detail::Remains> trying;
  {
    const std::lock_guard lock(all.mutex);
    trying.swap(all.remains);
  }
  // Those that cannot be destroyed now are kept anew.
  for (const detail::Remains& remains : trying) detail::destroy_as(remains.who, remains.destroy, remains.object);
  return abandoned();
}

}  // namespace behalf
