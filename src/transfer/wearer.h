// Wearer: what a thread of the library's own wears, one token after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "behalf/carried.h"
#include "identity/keyrings.h"

namespace behalf::detail {

class Wearer {
 public:
  Wearer() = default;
  Wearer(const Wearer&) = delete;
  Wearer& operator=(const Wearer&) = delete;

  // Puts the identity on, in place of the one worn. Where it throws the thread is the service.
  void wear(const Carried& who);
  // Makes the thread the service again.
  void give_back() noexcept;
  // Whether a token is worn that wear() put on; the service's own counts as none.
  [[nodiscard]] bool wears_user() const noexcept { return worn_ != nullptr; }
  // How often an identity was taken.
  [[nodiscard]] std::uint64_t switches() const noexcept { return switches_; }

  // What is amiss, empty where nothing is: the thread must be what wear() left it as. By the memo alone no system
  // call, by the kernel 6.
  [[nodiscard]] std::string amiss(bool ask_kernel) const;
  // Makes a thread that something is amiss with the service again, whatever it is. Ends the process if it cannot.
  void repair() noexcept;

  // The thread is about to end: what it wears dies with it.
  void keep_until_the_end() noexcept { kept_ = true; }
  ~Wearer() {
    if (!kept_) give_back();
  }

 private:
  bool kept_ = false;
  std::optional<Region> region_;
  TokenPtr worn_;
  std::uint64_t switches_ = 0;
  Keyrings keyrings_;
};

}  // namespace behalf::detail
