// shared_across_identities<T>: a value that is the same for everybody, said by name, so that one search finds what is
// kept between users on purpose.
//
//   behalf::shared_across_identities<MimeTypes> types([] { return MimeTypes::read("/etc/mime.types"); });
//   types.get().of("x.txt");                              // read once, as the service, whoever asks first
//
// What depends on who asks belongs into a per_identity<T>.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "behalf/carried.h"

namespace behalf {

template <class T>
class shared_across_identities {
 public:
  // `make` is called as the service, at the first get().
  explicit shared_across_identities(std::function<T()> make) : make_(std::move(make)) {}
  shared_across_identities(const shared_across_identities&) = delete;
  shared_across_identities& operator=(const shared_across_identities&) = delete;

  // Errors: what `make` throws, and as of AsService; it is called again the next time then. Thread-safe: who asks
  // meanwhile waits. Cost: none once it is there; the first time an AsService.
  [[nodiscard]] const T& get() {
    if (const T* const there = there_.load(std::memory_order_acquire)) return *there;
    // std::call_once does not survive an exception everywhere (GCC bug 66146).
    const std::lock_guard lock(making_);
    if (!value_) {
      const detail::AsServiceIfAny self;
      value_.emplace(make_());
      there_.store(&*value_, std::memory_order_release);
    }
    return *value_;
  }

 private:
  const std::function<T()> make_;
  std::mutex making_;
  std::optional<T> value_;
  std::atomic<const T*> there_{nullptr};
};

}  // namespace behalf
