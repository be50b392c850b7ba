#include "behalf/carried.h"

#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/give_back_failure.h"
#include "identity/service.h"
#include "identity/thread_memo.h"
#include "identity/worker_signals.h"

namespace behalf {

namespace {

void refuse_what_cannot_be_worn(const detail::TokenData& token) {
  if (token.level >= Level::impersonation) return;
  throw Error(Error::Reason::level_too_low,
              "behalf: carry the identity of " + detail::describe(token) + ": it is of level " +
                  std::string{to_string(token.level)} + ", and cannot be worn where the work would run. " +
                  (token.kind == detail::TokenData::Kind::found
                       ? "The thread's ids were changed by other means than behalf; submit from a thread that is "
                         "the service or wears a token"
                       : "Submit with a token of level impersonation"));
}

}  // namespace

Carried::Carried() {
  const detail::Service* service = detail::service();
  if (service == nullptr) return;
  data_ = detail::this_thread(*service).worn;
  refuse_what_cannot_be_worn(*data_);
}

Carried::Carried(as_service_t) {
  if (const detail::Service* service = detail::service()) data_ = service->token;
}

Carried::Carried(const Token& token) : data_(token.data()) {
  refuse_what_cannot_be_worn(*data_);
}

void Carried::enter(detail::Region& region) const {
  if (data_ != nullptr) return region.enter(data_, false);
  if (detail::service() == nullptr) return;
  throw Error(Error::Reason::not_initialized,
              "behalf: run work that was submitted before behalf::initialize() was called: whose it is was not known "
              "then. Call initialize() first of all");
}

bool Carried::equal(const Carried& a, const Carried& b) noexcept {
  return detail::same(a.data_, b.data_);
}

void Carried::Worn::left_open() noexcept {
  detail::end_process(
      "behalf: work ended with an Impersonation, AsService, ThreadDirectory, ThreadUmask, ThreadTickets or "
      "CallContext::Scope still "
      "open: a coroutine held it across co_await. The process ends, before other work runs as somebody else, elsewhere "
      "or for another caller. Close the scope "
      "before co_await, or await a coroutine "
      "that is somebody of its own (behalf::task, or co_spawn on behalf::asio::as(token, executor))\n");
}

Carried::WornOrEnd::WornOrEnd(const Carried& who) noexcept {
  try {
    worn_.emplace(who);
  } catch (const std::exception& error) {
    const std::string line = std::string{error.what()} +
                             ". The process ends, since what waits for this identity would be done as somebody else\n";
    detail::end_process(line.c_str());
  }
}

namespace detail {

AsServiceIfAny::AsServiceIfAny() {
  if (const Service* there = service()) region_.enter(there->token, true);
}

ThreadsOfService::ThreadsOfService() {
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before_);
  block_asynchronous_signals();
}

ThreadsOfService::~ThreadsOfService() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace detail

}  // namespace behalf
