// bound<T>: an object that belongs to one identity, and says no to everybody else.
//
//   behalf::bound<Session> session(open_session());      // belongs to whoever is worn here: alice
//
//   session->send(mail);                                 // as alice
//   behalf::Impersonation as{bob};
//   session->send(mail);                                 // throws: it is alice's, made at mail.cc:12; the thread is
//   bob
//
// It asks the library's own memo of the thread, in every build. It cannot be copied: a copy would be a second owner.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "behalf/carried.h"
#include "behalf/place.h"

namespace behalf {

namespace detail {
[[noreturn]] void refuse_stranger(const Carried& owner, const Carried& stranger, Place made);
}

template <class T>
class bound {
 public:
  // Belongs to what the calling thread wears, or to the identity given. Errors: those of Carried; std::bad_alloc.
  explicit bound(T object, Place made = Place::here()) : bound(Carried(), std::move(object), made) {}
  bound(const Carried& owner, T object, Place made = Place::here())
      : owner_(owner), made_(made), object_(new T(std::move(object))) {}

  bound(bound&& other) noexcept
      : owner_(other.owner_), made_(other.made_), object_(std::exchange(other.object_, nullptr)) {}
  bound& operator=(bound&& other) noexcept {
    if (this != &other) {
      reset();
      owner_ = other.owner_;
      made_ = other.made_;
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  bound(const bound&) = delete;
  bound& operator=(const bound&) = delete;
  // As its owner, whoever destroys it (abandoned() where that cannot be).
  ~bound() { reset(); }

  [[nodiscard]] const Carried& owner() const noexcept { return owner_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  // Errors: Error of reason not_the_owner where the calling thread wears anybody else. Thread-safe as T is. Cost: no
  // system call.
  [[nodiscard]] T& get() const {
    const Carried now;
    if (!(now == owner_)) detail::refuse_stranger(owner_, now, made_);
    return *object_;
  }
  T& operator*() const { return get(); }
  T* operator->() const { return &get(); }

 private:
  void reset() noexcept {
    if (object_ == nullptr) return;
    if constexpr (std::is_trivially_destructible_v<T>) {
      delete object_;
    } else {
      detail::destroy_as(
          owner_, [](void* it) noexcept { delete static_cast<T*>(it); }, object_);
    }
    object_ = nullptr;
  }

  Carried owner_;
  Place made_;
  T* object_;
};

}  // namespace behalf
