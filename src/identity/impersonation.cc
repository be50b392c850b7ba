#include "behalf/impersonation.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <utility>

#include "identity/errors.h"
#include "identity/give_back_failure.h"
#include "identity/keyrings.h"
#include "identity/service.h"
#include "identity/thread_memo.h"
#include "identity/transition.h"

namespace behalf {

namespace detail {

namespace {

constexpr std::uint64_t all_signals = ~std::uint64_t{0};

std::optional<Failure> set_mask(const SystemCalls& calls, std::uint64_t mask, std::uint64_t* old) noexcept {
  const long result = calls.rt_sigprocmask(SIG_SETMASK, &mask, old);
  if (result < 0) return Failure{"rt_sigprocmask", static_cast<int>(-result)};
  return std::nullopt;
}

// Children of the user would have the ambient capabilities: execve(2) turns them into effective ones
// (capabilities(7), "Transformation of capabilities during execve()").
void harden(const SystemCalls& calls, Memo& memo) {
  if (memo.hardened) return;
  const long result = calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
  if (result < 0) {
    const auto error = static_cast<int>(-result);
    throw Error(Error::Reason::platform,
                "behalf: clear the thread's ambient capabilities: prctl: " + error_words(error) +
                    ". A child of the user would have them, so nobody is impersonated",
                error);
  }
  memo.hardened = true;
}

void refuse_what_is_not_worn(const Service& service, const Memo& memo, const Credentials& from, const TokenData& token,
                             bool main_thread_allowed) {
  if (token.level < Level::impersonation) {
    throw Error(Error::Reason::level_too_low, "behalf: impersonate " + describe(token) + ": the token is of level " +
                                                  std::string{to_string(token.level)} +
                                                  "; only tokens of level impersonation and above are worn");
  }
  if (memo.main_thread && !main_thread_allowed && token.kind == TokenData::Kind::user &&
      token.posture == Posture::full) {
    throw Error(
        Error::Reason::main_thread,
        "behalf: impersonate " + describe(token) +
            " on the main thread: its ids are what others see of the whole process, and a kill(-1) of the "
            "user's would reach it. Use behalf::run_as, which uses a worker (or say behalf::allow_main_thread)");
  }
  if ((token.kept & ~memo.powers.permitted) != 0) {
    throw Error(Error::Reason::not_permitted, "behalf: impersonate " + describe(token) +
                                                  ": the thread is not permitted all of the token's capabilities");
  }
  if (!can_come_back(memo.powers, service.own.uid.effective, from, token.wear)) {
    throw Error(Error::Reason::not_permitted,
                "behalf: impersonate " + describe(token) + ": the thread has given up uid 0 (uids " +
                    describe(from.uid) +
                    "), and after a way through it the kernel would empty its capabilities for good "
                    "(capabilities(7)). Use a thread that is the service");
  }
}

}  // namespace

void make_again(const SystemCalls& calls, const Service& service, Memo& memo) noexcept {
  const TokenData& before = *memo.worn;
  try {
    ThreadState state;
    std::optional<Failure> failure = read_thread(calls, state);
    if (!failure) {
      memo.scratch.resize(
          std::max({memo.scratch.size(), state.credentials.groups.size() + 1, before.wear.groups.size() + 1}));
      const Wish is{state.credentials, state.credentials.effective};
      failure = transition(calls, memo.powers, service.own.uid.effective, is, memo.now(), memo.scratch);
    }
    if (!failure) return;
    cannot_give_back(&before, *failure);
  } catch (const std::bad_alloc&) {
    cannot_give_back(&before, {"read the thread's credentials", ENOMEM});
  }
}

void Region::enter(const TokenPtr& token, bool main_thread_allowed) {
  const Service* there = service();
  const Service& service = there != nullptr ? *there : service_for("impersonate");
  Memo& memo = this_thread(service);
  const bool worn = memo.worn == token || (memo.worn->hash == token->hash && *memo.worn == *token);
  if (worn && token->level >= Level::impersonation) return;
  const int kept_errno = errno;
  refuse_what_is_not_worn(service, memo, memo.worn->wear, *token, main_thread_allowed);
  const SystemCalls& calls = system_calls();
  harden(calls, memo);

  const Wish from = memo.now();
  const Wish to{token->wear, token->wear.effective & memo.powers.permitted};
  if (differs(from, to)) {
    memo.scratch.resize(
        std::max({memo.scratch.size(), from.credentials.groups.size() + 1, token->wear.groups.size() + 1}));
    std::uint64_t mask = 0;
    memo.known = false;
    if (const auto failure = set_mask(calls, all_signals, &mask)) {
      memo.known = true;  // nothing has been changed
      throw switch_error(*memo.worn, *token, *failure);
    }
    auto failure = transition(calls, memo.powers, service.own.uid.effective, from, to, memo.scratch);
    if (failure) {
      make_again(calls, service, memo);
      if (const auto masked = set_mask(calls, mask, nullptr)) cannot_give_back(memo.worn.get(), *masked);
    } else if ((failure = set_mask(calls, mask, nullptr))) {
      // Not rolled back from the wish but from what the kernel says, like any other failure.
      make_again(calls, service, memo);
      if (const auto masked = set_mask(calls, mask, nullptr)) cannot_give_back(memo.worn.get(), *masked);
    }
    memo.known = true;
    errno = kept_errno;
    if (failure) throw switch_error(*memo.worn, *token, *failure);
  }
  effective_before_ = memo.effective;
  before_ = std::exchange(memo.worn, token);
  memo.effective = to.effective;
  memo_ = &memo;
  neighbour_ = std::exchange(memo.innermost, this);
}

void Region::leave() noexcept {
  const int kept_errno = errno;
  Memo* memo = memo_or_null();
  if (memo != memo_) cannot_give_back(before_.get(), {"the scope ended on another thread than it began on", 0});
  if (memo->innermost != this) cannot_give_back(before_.get(), {"the scopes of the thread ended out of order", 0});

  const SystemCalls& calls = system_calls();
  const Service& there = *service();
  const Wish from = memo->now();
  const Wish to{before_->wear, effective_before_};
  if (differs(from, to)) {
    std::uint64_t mask = 0;
    memo->known = false;
    auto failure = set_mask(calls, all_signals, &mask);
    if (!failure) {
      failure = transition(calls, memo->powers, there.own.uid.effective, from, to, memo->scratch);
    }
    if (!failure) failure = set_mask(calls, mask, nullptr);
    if (failure) cannot_give_back(before_.get(), *failure);
    memo->known = true;
  }
  memo->worn = std::move(before_);
  memo->effective = effective_before_;
  memo->innermost = neighbour_;
  memo_ = nullptr;
  errno = kept_errno;
}

bool Region::can_change() const noexcept {
  return entered() && memo_or_null() == memo_ && memo_->known && memo_->innermost == this &&
         same(before_, service()->token);
}

void Region::change(const TokenPtr& token, Keyrings& keyrings) {
  const int kept_errno = errno;
  const Service& there = *service();
  const SystemCalls& calls = system_calls();
  Memo& memo = *memo_;
  const Wish from = memo.now();
  const Wish to{token->wear, token->wear.effective & memo.powers.permitted};
  Credentials midway;
  std::uint64_t mask = 0;
  try {
    refuse_what_is_not_worn(there, memo, before_->wear, *token, false);
    memo.scratch.resize(
        std::max({memo.scratch.size(), from.credentials.groups.size() + 1, token->wear.groups.size() + 1}));
    midway = from.credentials;
    midway.uid = there.own.uid;
    if (const auto failure = set_mask(calls, all_signals, &mask)) throw switch_error(*memo.worn, *token, *failure);
  } catch (...) {
    leave();
    throw;
  }

  memo.known = false;
  std::exception_ptr thrown;
  Capabilities effective = 0;
  auto failure = take_service_uids(calls, memo.powers, there.own.uid, from, effective);
  if (!failure) {
    try {
      keyrings.fresh_for(token);
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (!failure && !thrown) {
    failure = transition(calls, memo.powers, there.own.uid.effective, {midway, effective}, to, memo.scratch);
  }
  if (!failure && !thrown) failure = set_mask(calls, mask, nullptr);
  if (!failure && !thrown) {
    memo.worn = token;
    memo.effective = to.effective;
    memo.known = true;
    errno = kept_errno;
    return;
  }
  const TokenPtr worn = std::exchange(memo.worn, std::move(before_));
  memo.effective = effective_before_;
  make_again(calls, there, memo);
  if (const auto masked = set_mask(calls, mask, nullptr)) cannot_give_back(worn.get(), *masked);
  memo.innermost = neighbour_;
  memo_ = nullptr;
  memo.known = true;
  errno = kept_errno;
  if (thrown) std::rethrow_exception(thrown);
  throw switch_error(*worn, *token, *failure);
}

Region* Region::innermost() noexcept {
  const Memo* memo = memo_or_null();
  return memo != nullptr ? memo->innermost : nullptr;
}

Region* Region::suspend_down_to(const Region* floor) noexcept {
  Region* outermost = nullptr;
  while (Region* region = innermost()) {
    if (region == floor) break;
    region->suspended_ = memo_or_null()->worn;
    region->leave();
    region->neighbour_ = std::exchange(outermost, region);
  }
  return outermost;
}

void Region::resume(Region* outermost) {
  const Region* const floor = innermost();
  while (outermost != nullptr) {
    Region* const next = outermost->neighbour_;
    try {
      outermost->enter(outermost->suspended_, true);
    } catch (...) {
      // In front of those that have not been tried, so that all can be tried again.
      while (Region* const entered = innermost()) {
        if (entered == floor) break;
        entered->leave();
        entered->neighbour_ = std::exchange(outermost, entered);
      }
      throw;
    }
    outermost = next;
  }
}

void Region::hand_over(Region& to) noexcept {
  if (memo_ == nullptr) return;
  to.before_ = std::move(before_);
  to.effective_before_ = effective_before_;
  to.memo_ = std::exchange(memo_, nullptr);
  to.neighbour_ = neighbour_;
  to.memo_->innermost = &to;
}

}  // namespace detail

const detail::TokenPtr& AsService::token_of_service() {
  return detail::service_for("be the service").token;
}

bool is_impersonating() noexcept {
  const detail::Service* service = detail::service();
  if (service == nullptr) return false;
  try {
    const detail::Memo& memo = detail::this_thread(*service);
    const detail::TokenData& worn = *memo.worn;
    return worn.wear.uid != service->own.uid || worn.wear.gid != service->own.gid ||
           worn.kind == detail::TokenData::Kind::user;
  } catch (...) {
    return true;  // who the thread is could not be found out, so it is not taken for the service
  }
}

std::optional<Token> worn() {
  if (!is_impersonating()) return std::nullopt;
  return Token(detail::this_thread(*detail::service()).worn);
}

}  // namespace behalf
