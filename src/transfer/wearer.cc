#include "transfer/wearer.h"

#include "identity/errors.h"
#include "identity/service.h"
#include "identity/thread_memo.h"

namespace behalf::detail {

void Wearer::wear(const Carried& who) {
  const Service* const there = service();
  if (there == nullptr && who.data() == nullptr) return;
  if (worn_ != nullptr && same(worn_, who.data())) return;
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
  worn_ = who.data();
  ++switches_;
}

void Wearer::give_back() noexcept {
  if (worn_ == nullptr) return;
  if (region_->entered()) region_->leave();
  region_.reset();
  worn_.reset();
}

std::string Wearer::amiss(bool ask_kernel) const {
  const Service* const there = service();
  Memo* const memo = memo_or_null();
  if (there == nullptr || memo == nullptr) return {};
  const Region* const wanted = region_ && region_->entered() ? &*region_ : nullptr;
  if (memo->innermost != wanted) return "it left an Impersonation or AsService behind";
  if (!memo->known || !same(memo->worn, worn_ != nullptr ? worn_ : there->token)) {
    return "it left the thread as " + describe(*memo->worn);
  }
  if (!ask_kernel) return {};
  if (look_at_thread(system_calls(), memo->powers, memo->now(), memo->scratch)) {
    ThreadState found;
    if (const auto failure = read_thread(system_calls(), found)) return "the thread's credentials cannot be read";
    const Credentials& is = found.credentials;
    return "it left the thread with the uids " + describe(is.uid) + ", the gids " + describe(is.gid) + " and " +
           std::to_string(is.groups.size()) + " groups";
  }
  return {};
}

void Wearer::repair() noexcept {
  region_.reset();  // not left: the thread is no longer what it was left as
  worn_.reset();
  Memo* const memo = memo_or_null();
  if (memo == nullptr) return;
  const Service& there = *service();
  memo->innermost = nullptr;
  memo->worn = there.token;
  memo->effective = there.own.effective & memo->powers.permitted;
  memo->known = false;
  make_again(system_calls(), there, *memo);
  memo->known = true;
}

}  // namespace behalf::detail
