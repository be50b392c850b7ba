#include "behalf/known_users.h"

#include "behalf/carried.h"

namespace behalf {

template <class LookUp>
Token KnownUsers::find(const Whom& whom, const LookUp& look_up) {
  std::uint64_t forgotten = 0;
  {
    const std::lock_guard lock(mutex_);
    forgotten = forgotten_;
    const auto at = by_whom_.find(whom);
    if (at != by_whom_.end() && std::chrono::steady_clock::now() - at->second->since < options_.lives) {
      order_.splice(order_.begin(), order_, at->second);
      return at->second->token;
    }
  }
  // From before the question: what it was answered is not older than that.
  const auto since = std::chrono::steady_clock::now();
  const Token token = [&] {
    const detail::AsServiceIfAny self;
    return look_up();
  }();
  const std::lock_guard lock(mutex_);
  if (forgotten_ != forgotten) return token;  // it may be from before what somebody was forgotten for
  const auto at = by_whom_.find(whom);
  // Where others have asked meanwhile, the latest answer stays.
  if (at != by_whom_.end() && at->second->since > since) return token;
  if (at != by_whom_.end()) {
    order_.erase(at->second);
    by_whom_.erase(at);
  }
  if (options_.at_most == 0) return token;
  order_.push_front({whom, token, since});
  try {
    by_whom_.emplace(whom, order_.begin());
  } catch (...) {
    order_.pop_front();
    throw;
  }
  if (order_.size() > options_.at_most) {
    by_whom_.erase(order_.back().whom);
    order_.pop_back();
  }
  return token;
}

Token KnownUsers::for_user(const std::string& name) {
  return find(name, [&] { return Token::for_user(name); });
}

Token KnownUsers::for_uid(uid_t uid) {
  return find(uid, [&] { return Token::for_uid(uid); });
}

void KnownUsers::drop(const Whom& whom) noexcept {
  const std::lock_guard lock(mutex_);
  ++forgotten_;
  const auto at = by_whom_.find(whom);
  if (at == by_whom_.end()) return;
  order_.erase(at->second);
  by_whom_.erase(at);
}

void KnownUsers::forget(const std::string& name) noexcept {
  drop(name);
}

void KnownUsers::forget(uid_t uid) noexcept {
  drop(uid);
}

void KnownUsers::clear() noexcept {
  const std::lock_guard lock(mutex_);
  ++forgotten_;
  by_whom_.clear();
  order_.clear();
}

std::size_t KnownUsers::size() const {
  const std::lock_guard lock(mutex_);
  return order_.size();
}

}  // namespace behalf
