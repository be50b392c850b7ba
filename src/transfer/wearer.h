// Wearer: what a thread of the library's own wears, one token after the other.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include "behalf/carried.h"
#include "identity/keyrings.h"
#include "identity/tripwire.h"

namespace behalf::detail {

struct Service;

// What is asked after a piece of work, which must have left the thread as it found it.
enum class Look {
  memo,  // the library's own memo: no system call
  // The memo, and the kernel by a Tripwire: 1 system call, 6 more where it was cut or there is none. What the wire does
  // not tell is unseen until the kernel is asked for all: after so many pieces of work, after one during which the
  // kernel's clock has ticked, and when the owner of the thread wants it. A thread that may change its groups unseen is
  // asked for all each time.
  wire,
  all,  // the memo, and the kernel for all that it keeps: 6 system calls
};

class Wearer {
 public:
  static constexpr unsigned unseen_at_most = 32;

  explicit Wearer(Look look = Look::memo) noexcept : look_(look) {}
  Wearer(const Wearer&) = delete;
  Wearer& operator=(const Wearer&) = delete;

  // Puts the identity on, in place of the one worn. Where it throws the thread is the service.
  void wear(const Carried& who);
  // Makes the thread the service again.
  void give_back() noexcept;
  // Whether a token is worn that wear() put on; the service's own counts as none.
  [[nodiscard]] bool wears_user() const noexcept { return worn_ != nullptr; }
  // Whether wear() would leave the thread as it is.
  [[nodiscard]] bool wears(const Carried& who) const noexcept { return worn_ != nullptr && same(worn_, who.data()); }
  // How often an identity was taken.
  [[nodiscard]] std::uint64_t switches() const noexcept { return switches_; }

  // What is amiss after a piece of work, empty where nothing is: the thread must be what wear() left it as.
  [[nodiscard]] std::string amiss() { return amiss(look_); }
  // The same with another look.
  [[nodiscard]] std::string amiss(Look look);
  // How many pieces of work there have been since the kernel was asked for all. To be asked for before the thread is
  // anybody else or waits. Where something is amiss: the last of so many has left it so, or one before it.
  [[nodiscard]] unsigned unseen() const noexcept { return unseen_; }
  // Makes a thread that something is amiss with the service again, whatever it is. Ends the process if it cannot.
  void repair() noexcept;

  // The thread is about to end: what it wears dies with it.
  void keep_until_the_end() noexcept { kept_ = true; }
  ~Wearer() {
    if (!kept_) give_back();
  }

 private:
  void change(const TokenPtr& token);
  void is_worn(const TokenPtr& token) noexcept;
  std::string amiss_by_memo(const Service& there, const Memo& memo);
  std::string amiss_by_kernel(const Memo& memo);
  void all_is_seen() noexcept;

  const Look look_;
  bool kept_ = false;
  std::optional<Region> region_;
  TokenPtr worn_;
  std::uint64_t switches_ = 0;
  Keyrings keyrings_;
  Tripwire wire_;
  unsigned unseen_ = 0;
  std::timespec seen_at_{};  // by the clock's ticks
};

}  // namespace behalf::detail
