#include "behalf/of_thread.h"

#include <utility>

#include "identity/give_back_failure.h"

namespace behalf::detail {

namespace {

thread_local OfThread* innermost_of_thread = nullptr;

}  // namespace

OfThread* OfThread::innermost() noexcept {
  return innermost_of_thread;
}

void OfThread::begin() {
  take();
  begun_ = true;
  neighbour_ = std::exchange(innermost_of_thread, this);
}

void OfThread::end() noexcept {
  if (!begun_) return;
  if (innermost_of_thread != this) {
    end_process(
        "behalf: a ThreadDirectory, ThreadUmask, ThreadTickets or CallContext::Scope ended on another thread than it "
        "began on, or before one inside of it. The process ends, before other work runs in its directory, with its "
        "umask or its tickets, or for its caller. Close the scope before co_await, or use a behalf::task, with which "
        "it goes\n");
  }
  put_back();
  begun_ = false;
  innermost_of_thread = neighbour_;
}

OfThread* OfThread::suspend_down_to(const OfThread* floor) noexcept {
  OfThread* outermost = nullptr;
  while (OfThread* const scope = innermost_of_thread) {
    if (scope == floor) break;
    scope->end();
    scope->neighbour_ = std::exchange(outermost, scope);
  }
  return outermost;
}

void OfThread::resume(OfThread* outermost) {
  const OfThread* const floor = innermost_of_thread;
  while (outermost != nullptr) {
    OfThread* const next = outermost->neighbour_;
    try {
      outermost->begin();
    } catch (...) {
      // In front of those that have not been tried, so that all can be tried again.
      while (innermost_of_thread != floor) {
        OfThread* const begun = innermost_of_thread;
        begun->end();
        begun->neighbour_ = std::exchange(outermost, begun);
      }
      throw;
    }
    outermost = next;
  }
}

}  // namespace behalf::detail
