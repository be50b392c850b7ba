// Carried: the identity that work takes with it from where it is submitted to where it runs. What bind(), thread,
// ThreadPool, task, Timer and Mailbox have in common; executors of one's own use it too.
//
//   behalf::Carried who;                                     // the calling thread's identity, now
//   queue.push([who] { who.run([] { print_the_notes(); }); });  // worn there, whoever runs the queue
//
// Before initialize() nobody can be impersonated, and what is carried is "the process itself": such work runs as it
// is, as long as initialize() has not been called meanwhile.
#pragma once

#include <csignal>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "behalf/as_service.h"
#include "behalf/impersonation.h"
#include "behalf/of_thread.h"
#include "behalf/token.h"

namespace behalf {

class Carried {
 public:
  // What the calling thread wears.
  // Errors: Error of reason level_too_low where the thread is in a state that cannot be worn (somebody changed its ids
  // by other means); platform. Thread-safe. Cost: no system call, but for the first use in a thread (10).
  Carried();
  // The service. Before initialize(): the process itself. Cost: no system call.
  Carried(as_service_t);
  // That identity. Errors: Error of reason level_too_low. Cost: no system call.
  Carried(const Token& token);

  // Effects: f() with the identity worn; the thread is given back afterwards, whether f returns or throws.
  // Errors: what f throws; Error as of Impersonation, and of reason not_initialized where initialize() was called
  // since the capture; f has then not been called. Thread-safe. Cost: as Impersonation.
  template <class F>
  decltype(auto) run(F&& f) const {
    Worn worn(*this);
    return std::invoke(std::forward<F>(f));
  }

  // For the library's own use: `run` in two parts; and the token, null where it is the process itself.
  void enter(detail::Region& region) const;
  [[nodiscard]] const std::shared_ptr<const detail::TokenData>& data() const noexcept { return data_; }

  // Compared by all of the identity, as tokens are. Thread-safe. Cost: no system call.
  friend bool operator==(const Carried& a, const Carried& b) noexcept { return equal(a, b); }

  // `run` as a scope. Work that ends with an Impersonation still open, or a ThreadDirectory, ThreadUmask or
  // CallContext::Scope, would leave it to what runs next in the thread: a coroutine that holds one across co_await does
  // that. Then the process ends, with a line that says so.
  class Worn {
   public:
    explicit Worn(const Carried& who) {
      who.enter(region_);
      floor_ = detail::Region::innermost();
    }
    ~Worn() {
      if (detail::Region::innermost() != floor_ || detail::OfThread::innermost() != floor_of_thread_) left_open();
      if (region_.entered()) region_.leave();
    }
    Worn(const Worn&) = delete;
    Worn& operator=(const Worn&) = delete;

   private:
    [[noreturn]] static void left_open() noexcept;

    detail::Region region_;
    const detail::Region* floor_ = nullptr;
    const detail::OfThread* const floor_of_thread_ = detail::OfThread::innermost();
  };

  // The same for who has nobody to tell: the process ends where the identity cannot be taken.
  class WornOrEnd {
   public:
    explicit WornOrEnd(const Carried& who) noexcept;

   private:
    std::optional<Worn> worn_;
  };

 private:
  static bool equal(const Carried& a, const Carried& b) noexcept;

  std::shared_ptr<const detail::TokenData> data_;
};

// How many objects could not be destroyed as the user they belong to, because that identity could not be taken. They
// are kept, since to destroy them as anybody else would be work as the wrong user. Thread-safe. Cost: a lock.
[[nodiscard]] std::size_t abandoned() noexcept;

// Tries once more to destroy them; returns how many are left. Errors: none. Thread-safe.
std::size_t destroy_abandoned() noexcept;

namespace detail {

// Whether act(object) was done under that identity: on this thread, or on a worker of run_as() where this is the main
// thread and the posture is not for it. Where the identity cannot be taken, nothing was done.
[[nodiscard]] bool done_as(const Carried& who, void (*act)(void*) noexcept, void* object) noexcept;

// destroy(object) under that identity, likewise. What cannot be destroyed so is kept (abandoned()).
void destroy_as(const Carried& who, void (*destroy)(void*) noexcept, void* object) noexcept;

// Keeps it for destroy_abandoned().
void keep(const Carried& who, void (*destroy)(void*) noexcept, void* object) noexcept;

// The service's identity for the scope, if there is a service; otherwise nothing.
class AsServiceIfAny {
 public:
  AsServiceIfAny();
  ~AsServiceIfAny() {
    if (region_.entered()) region_.leave();
  }
  AsServiceIfAny(const AsServiceIfAny&) = delete;
  AsServiceIfAny& operator=(const AsServiceIfAny&) = delete;

 private:
  Region region_;
};

// Threads that are started within the scope are born as the service (clone(2) copies the credentials of the thread that
// calls it), with asynchronous signals blocked (a handler would run as whoever the thread works for).
class ThreadsOfService {
 public:
  ThreadsOfService();
  ~ThreadsOfService();
  ThreadsOfService(const ThreadsOfService&) = delete;
  ThreadsOfService& operator=(const ThreadsOfService&) = delete;

 private:
  AsServiceIfAny self_;
  sigset_t before_;
};

}  // namespace detail

}  // namespace behalf
