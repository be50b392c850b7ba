#include "transfer/wearer.h"

#include "identity/errors.h"
#include "identity/service.h"
#include "identity/thread_memo.h"

namespace behalf::detail {

namespace {

// 3 ns, and a tick each millisecond to each 10, as the kernel was built (clock_gettime(2), CLOCK_MONOTONIC_COARSE).
std::timespec last_tick() noexcept {
  std::timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now;
}

bool has_ticked(const std::timespec& since) noexcept {
  const std::timespec now = last_tick();
  return now.tv_nsec != since.tv_nsec || now.tv_sec != since.tv_sec;
}

}  // namespace

void Wearer::wear(const Carried& who) {
  const Service* const there = service();
  if (there == nullptr && who.data() == nullptr) return;
  if (worn_ != nullptr && same(worn_, who.data())) return;
  if (who.data() != nullptr && !same(who.data(), there->token) && region_ && region_->can_change()) {
    return change(who.data());
  }
  give_back();
  if (who.data() == nullptr) return who.run([] {});  // throws what is to be said about it
  if (same(who.data(), there->token)) {
    (void)this_thread(*there);  // amiss() compares with it
    if (keyrings_.used()) keyrings_.fresh_for(who.data());
    return;
  }
  keyrings_.fresh_for(who.data());
  region_.emplace();
  region_->enter(who.data(), false);
  is_worn(who.data());
}

// From one user to another: less than to give back and to take (Region::change()).
void Wearer::change(const TokenPtr& token) {
  try {
    region_->change(token, keyrings_);
  } catch (...) {
    region_.reset();
    worn_.reset();
    unseen_ = 0;
    throw;
  }
  is_worn(token);
}

void Wearer::is_worn(const TokenPtr& token) noexcept {
  worn_ = token;
  ++switches_;
  if (look_ != Look::wire) return;
  wire_.lay(system_calls());
  all_is_seen();
}

void Wearer::give_back() noexcept {
  if (worn_ == nullptr) return;
  if (region_->entered()) region_->leave();
  region_.reset();
  worn_.reset();
  unseen_ = 0;
}

std::string Wearer::amiss(Look look) {
  if (OfThread::innermost() != nullptr) {
    unseen_ = 1;  // it would have been seen before
    return "it left a ThreadDirectory, ThreadUmask, ThreadTickets or CallContext::Scope behind";
  }
  const Service* const there = service();
  Memo* const memo = memo_or_null();
  if (there == nullptr || memo == nullptr) return {};
  std::string left = amiss_by_memo(*there, *memo);
  if (!left.empty() || look == Look::memo) return left;
  const SystemCalls& calls = system_calls();
  // With CAP_SETGID effective a thread changes its groups and cuts no wire.
  const bool by_wire = look == Look::wire && (memo->effective & bit(CAP_SETGID)) == 0;
  if (by_wire) {
    const bool intact = wire_.intact(calls);
    ++unseen_;
    if (intact && unseen_ < unseen_at_most && !has_ticked(seen_at_)) return {};
  }
  if (look_at_thread(calls, memo->powers, memo->now(), memo->scratch)) return amiss_by_kernel(*memo);
  all_is_seen();
  if (by_wire && !wire_.is_laid()) wire_.lay(calls);
  return {};
}

std::string Wearer::amiss_by_memo(const Service& there, const Memo& memo) {
  const Region* const wanted = region_ && region_->entered() ? &*region_ : nullptr;
  const bool is_wanted = memo.innermost == wanted;
  if (is_wanted && memo.known && same(memo.worn, worn_ != nullptr ? worn_ : there.token)) return {};
  unseen_ = 1;  // it would have been seen before
  return is_wanted ? "it left the thread as " + describe(*memo.worn) : "it left an Impersonation or AsService behind";
}

std::string Wearer::amiss_by_kernel(const Memo& memo) {
  ThreadState found;
  if (read_thread(system_calls(), found)) return "the thread's credentials cannot be read";
  const Credentials& is = found.credentials;
  const Credentials& was = memo.worn->wear;
  const auto by_wire = [](const Ids& a, const Ids& b) { return a.effective != b.effective || a.fs != b.fs; };
  if (by_wire(is.uid, was.uid) || by_wire(is.gid, was.gid)) unseen_ = 1;  // it would have been seen before
  return "it left the thread with the uids " + describe(is.uid) + ", the gids " + describe(is.gid) + " and " +
         std::to_string(is.groups.size()) + " groups";
}

void Wearer::all_is_seen() noexcept {
  unseen_ = 0;
  seen_at_ = last_tick();
}

void Wearer::repair() noexcept {
  region_.reset();  // not left: the thread is no longer what it was left as
  worn_.reset();
  unseen_ = 0;
  if (Memo* const memo = memo_or_null(); memo != nullptr) {
    const Service& there = *service();
    memo->innermost = nullptr;
    memo->worn = there.token;
    memo->effective = there.own.effective & memo->powers.permitted;
    memo->known = false;
    make_again(system_calls(), there, *memo);
    memo->known = true;
  }
  (void)OfThread::suspend_down_to(nullptr);  // by the service, which may go where it was
}

}  // namespace behalf::detail
