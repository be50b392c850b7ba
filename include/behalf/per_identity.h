// per_identity<T>: what is kept between calls, kept apart for each identity. A cache entry, a pooled connection, a
// ring, a parsed configuration: made, probed and destroyed as whom it belongs to, and given to nobody else.
//
//   behalf::per_identity<Settings> settings([] { return Settings::read(); });   // read() runs as whoever asks first
//
//   behalf::Impersonation as{alice};
//   std::shared_ptr<Settings> hers = settings.get();                            // alice's, made as alice
//   std::shared_ptr<Settings> his = settings.get(bob);                          // bob's, made as bob, though alice
//   asks { behalf::AsService self; auto own = settings.get(); }                      // the service's own
//
// The key is the whole identity (Token's ==): another group list, posture or level is another key, a token made anew of
// the same content is the same. Who asks at the same time for what is not there yet waits for the one that makes it.
// What fails is told to all that waited and is not kept: no answer is ever remembered as "nothing".
//
// What is got stays as long as somebody holds it, also when it has been dropped meanwhile, and is destroyed as its
// identity by whomever lets go of it last (destroy_as: where it cannot be taken the object is kept, abandoned()).
//
// The opposite is said by name too: shared_across_identities.h. What one object belongs to is bound.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/identity_cache.h"
#include "behalf/run_as.h"

namespace behalf {

template <class T>
class per_identity {
 public:
  using Handle = std::shared_ptr<T>;

  // `make`, called as make(token) where it can be, else as make(), returns a T as the identity that is worn. `probe`,
  // where there is one, says as that identity whether the object can still be used (PerIdentityOptions::probed_after).
  // Both are called by several threads at a time for different identities. Errors: std::bad_alloc.
  template <class Make>
  explicit per_identity(Make make, const PerIdentityOptions& options = {}, std::function<bool(T&)> probe = {})
      : cache_(options, maker(std::move(make)), prober(std::move(probe))) {}

  // The calling thread's object, or that of the identity given (a Token, as_service, a Carried).
  //
  // Errors: what `make` throws; those of Carried; Error as of Impersonation where the identity cannot be taken, and of
  // reason would_wait_for_itself where `make` asks for what it is making. Nothing is kept then.
  // Thread-safe. Cost: where it is there, no system call, and a lock or, where the thread has got it before and the
  // token has no tickets, none; else what `make` costs and an Impersonation, none where it is worn anyway.
  Handle get() {
    if (std::shared_ptr<void> there = cache_.find()) return std::static_pointer_cast<T>(std::move(there));
    return get(Carried());
  }
  template <class Who>
  Handle get(const Who& who) {
    if constexpr (std::is_same_v<Who, Token>) {
      if (std::shared_ptr<void> there = cache_.find(who.data(), who.hash())) {
        return std::static_pointer_cast<T>(std::move(there));
      }
    }
    return std::static_pointer_cast<T>(cache_.get(Carried(who)));
  }

  // Effects: makes it anew and puts it in the place of what is there, which stays where that fails; where it is being
  // made just now, waits for that one. As get() otherwise.
  Handle refresh() { return refresh(Carried()); }
  template <class Who>
  Handle refresh(const Who& who) {
    return std::static_pointer_cast<T>(cache_.refresh(Carried(who)));
  }

  // Effects: what is kept for that identity is not given to anybody any more, nor what is being made for it just now.
  // Returns whether there was something. Errors: those of Carried. Thread-safe.
  template <class Who>
  bool drop(const Who& who) {
    return cache_.drop(Carried(who));
  }
  // The same for all.
  void clear() noexcept { cache_.clear(); }
  // Drops what has outlived its time (it is not given to anybody anyway). Thread-safe.
  void drop_expired() noexcept { cache_.drop_expired(); }

  // Thread-safe. Cost: a lock for each part of the cache.
  [[nodiscard]] PerIdentityCounts counts() const { return cache_.counts(); }

 private:
  template <class Make>
  static detail::IdentityCache::Make maker(Make make) {
    return [make = std::move(make)](const Carried& who) mutable -> std::shared_ptr<void> {
      const auto call = [&]() -> T {
        if constexpr (std::is_invocable_r_v<T, Make&, const Token&>) {
          return make(who.data() != nullptr ? Token(who.data()) : Token::of_process());
        } else {
          static_assert(std::is_invocable_r_v<T, Make&>,
                        "behalf::per_identity: make() or make(token) returns the object");
          return make();
        }
      };
      if constexpr (std::is_trivially_destructible_v<T> && std::is_move_constructible_v<T>) {
        return std::make_shared<T>(call());  // there is nothing to do as anybody at its end
      } else {
        return std::shared_ptr<T>(new T(call()), [who](T* object) noexcept {
          detail::destroy_as(
              who, [](void* it) noexcept { delete static_cast<T*>(it); }, object);
        });
      }
    };
  }

  static detail::IdentityCache::Probe prober(std::function<bool(T&)> probe) {
    if (!probe) return {};
    return [probe = std::move(probe)](void* object) { return probe(*static_cast<T*>(object)); };
  }

  detail::IdentityCache cache_;
};

}  // namespace behalf
