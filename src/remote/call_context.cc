#include "behalf/call_context.h"

#include <utility>

#include "behalf/error.h"

namespace behalf {

namespace {

thread_local const CallContext::Scope* handled_now = nullptr;

}  // namespace

CallContext CallContext::current() {
  if (handled_now != nullptr) return CallContext(handled_now->client_);
  throw Error(Error::Reason::not_there,
              "behalf: the context of a call: this thread handles none. Take the context along to where the work "
              "goes on (behalf::CallContext::Scope), or ask for it in the handler itself");
}

CallContext::Scope::Scope(const CallContext& call) : client_(call.client_) {
  begin();
}

void CallContext::Scope::take() {
  around_ = std::exchange(handled_now, this);
}

void CallContext::Scope::put_back() noexcept {
  handled_now = around_;
}

}  // namespace behalf
