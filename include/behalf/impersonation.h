// Impersonation: this thread, as that user, until the end of the scope.
//
//   {
//     behalf::Impersonation as{alice};
//     std::ofstream{"/home/alice/x"} << "made by alice\n";
//     { behalf::AsService self; audit("alice wrote x"); }  // the service's own side work, as the service
//   }
//
// The kernel keeps credentials per thread: no other thread is touched (credentials(7)). Threads and children started
// inside the scope start as the user; threads that were there before are not affected, so work handed to them is not
// impersonated.
//
// Impersonation is no sandbox. The thread keeps its permitted capabilities and its saved ids, and code that wants to
// can use them; the scope makes ordinary code act as the user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "behalf/powers.h"
#include "behalf/token.h"

namespace behalf {

namespace detail {

struct Memo;
class Keyrings;

// A stretch of work during which a thread wears a token. Begun and ended by hand, on the same thread and in order.
class Region {
 public:
  Region() = default;
  Region(const Region&) = delete;
  Region(Region&&) = delete;
  Region& operator=(const Region&) = delete;
  Region& operator=(Region&&) = delete;
  ~Region() = default;

  // Puts the token on; where an equal one is worn, nothing happens and nothing is to be given back.
  void enter(const std::shared_ptr<const TokenData>& token, bool main_thread_allowed);
  // Makes the thread exactly what it was. A thread that cannot be made so ends the process.
  void leave() noexcept;
  // Whether change() may be called: the region is entered, on this thread, the innermost, and went from the service.
  [[nodiscard]] bool can_change() const noexcept;
  // Puts another token on in the place of the one that is worn, by one change and not by two; the keyrings are made
  // fresh for it on the way, as the service's user ids. Where it throws the region has been left: the thread is the
  // service. Ends the process where the thread cannot be made so. Cost: 11 system calls, and those of the keyrings.
  void change(const std::shared_ptr<const TokenData>& token, Keyrings& keyrings);
  // Whether there is something to give back.
  [[nodiscard]] bool entered() const noexcept { return memo_ != nullptr; }

  // What follows is for coroutines, whose regions end on another thread than they began on.

  // The innermost region of the calling thread, null where there is none.
  [[nodiscard]] static Region* innermost() noexcept;
  // Leaves all regions inside of `floor`, and links them to be entered again by resume(). They must outlive that.
  [[nodiscard]] static Region* suspend_down_to(const Region* floor) noexcept;
  // Enters them again, on whatever thread, the outermost first. Where one cannot be, none is, and it throws; it can be
  // tried again.
  static void resume(Region* outermost);
  // The stretch goes on under another object, on the same thread; it must be the innermost, and `to` not entered.
  void hand_over(Region& to) noexcept;

 private:
  std::shared_ptr<const TokenData> before_;  // what the thread wore; set where memo_ is
  std::uint64_t effective_before_ = 0;
  Memo* memo_ = nullptr;                        // the thread, where something is to be given back
  Region* neighbour_ = nullptr;                 // entered: the region around it; suspended: the next one inside
  std::shared_ptr<const TokenData> suspended_;  // what to enter again
};

// What Impersonation and AsService have in common: puts a token on, and gives the thread back exactly as it was.
class Scope {
 public:
  Scope(const Scope&) = delete;
  Scope(Scope&&) = delete;
  Scope& operator=(const Scope&) = delete;
  Scope& operator=(Scope&&) = delete;

  // A scope belongs to a block of one thread, never to the heap, where it would end when and where nobody knows.
  static void* operator new(std::size_t) = delete;
  static void* operator new[](std::size_t) = delete;
  static void* operator new(std::size_t, void*) = delete;

 protected:
  Scope(const std::shared_ptr<const TokenData>& token, bool main_thread_allowed) {
    region_.enter(token, main_thread_allowed);
  }
  ~Scope() {
    if (region_.entered()) region_.leave();
  }

 private:
  Region region_;
};

}  // namespace detail

// Effects: the calling thread's ids, groups and effective capabilities become the token's (posture.h), all signals
// being blocked meanwhile; the end of the scope gives them back exactly, errno kept. On a thread's first use its
// ambient capabilities are cleared for good. The kernel makes the process non-dumpable and clears the thread's
// parent-death signal on the way (prctl(2), PR_SET_DUMPABLE and PR_SET_PDEATHSIG).
//
// Errors: Error of reason not_initialized, level_too_low, main_thread (in `full`; run_as() uses a worker),
// not_permitted, out_of_resources, platform. A taking that failed has been rolled back before the exception is
// thrown. A thread that cannot be given back ends the process (initialize.h, on_cannot_give_back); so does a scope
// that ends on another thread, or out of order.
//
// Thread-safe: concerns the calling thread alone. Not async-signal-safe, not for the child of a vfork(2).
//
// Cost: none where the thread wears an equal token already. Otherwise 9 system calls to take and 9 to give back in
// `full` and `shielded` for a service that is root, 10 for one that is not; parts that do not change are skipped.
//
// Rests on: setresuid(2), setgroups(2), capabilities(7) "Effect of user ID changes on capabilities", and on the
// self-test of initialize().
class [[nodiscard]] Impersonation final : private detail::Scope {
 public:
  [[nodiscard]] explicit Impersonation(const Token& token) : Scope(token.data(), false) {}
  [[nodiscard]] Impersonation(const Token& token, allow_main_thread_t) : Scope(token.data(), true) {}
};

// The service, inside of an impersonated region or anywhere: what initialize() captured, as far as the thread's
// permitted capabilities allow it. Nests with Impersonation in any order; the end of the scope is the user again.
// Effects, errors, thread-safety and cost as Impersonation.
class [[nodiscard]] AsService final : private detail::Scope {
 public:
  [[nodiscard]] AsService() : Scope(token_of_service(), true) {}

 private:
  static const std::shared_ptr<const detail::TokenData>& token_of_service();
};

// Whether the calling thread is anybody but the service; in a thread that was started while impersonating, too.
// False before initialize(). Errors: none. Cost: no system call, but for the first use in a thread (10).
[[nodiscard]] bool is_impersonating() noexcept;

// The token that the calling thread wears, nothing where it is the service. In a thread that was started while
// impersonating: what it was started with, as Token::of_thread() tells it. Cost: as is_impersonating().
[[nodiscard]] std::optional<Token> worn();

}  // namespace behalf
