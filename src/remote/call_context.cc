#include "behalf/call_context.h"

#include "behalf/error.h"

namespace behalf {

namespace {

thread_local const CallContext::Scope* innermost = nullptr;

}  // namespace

CallContext CallContext::current() {
  if (innermost != nullptr) return CallContext(innermost->client_);
  throw Error(Error::Reason::not_there,
              "behalf: the context of a call: this thread handles none. Take the context along to where the work "
              "goes on (behalf::CallContext::Scope), or ask for it in the handler itself");
}

CallContext::Scope::Scope(const CallContext& call) noexcept : client_(call.client_), around_(innermost) {
  innermost = this;
}

CallContext::Scope::~Scope() {
  innermost = around_;
}

}  // namespace behalf
