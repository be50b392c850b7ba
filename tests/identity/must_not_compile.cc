// Each section is compiled alone and must be refused, with words that tell why.
#include <coroutine>
#include <utility>

#include "behalf/impersonation.h"
#include "behalf/run_as.h"

namespace {

struct HasAwaitReady {
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};

struct HasOperator {
  HasAwaitReady operator co_await() { return {}; }
};

struct HasFreeOperator {};
[[maybe_unused]] HasAwaitReady operator co_await(HasFreeOperator) {
  return {};
}

struct Coroutine {
  struct promise_type {
    Coroutine get_return_object() { return {}; }
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

}  // namespace

[[maybe_unused]] static int allowed(const behalf::Token& token) {
  behalf::Impersonation as{token};
  behalf::AsService self;
  return behalf::run_as(token, [] { return 1; });
}

#ifdef MUST_NOT_COMPILE_copy
void f(const behalf::Impersonation& as) {
  behalf::Impersonation copy{as};
}
#endif
#ifdef MUST_NOT_COMPILE_move
void f(behalf::Impersonation& as) {
  behalf::Impersonation moved{std::move(as)};
}
#endif
#ifdef MUST_NOT_COMPILE_heap
auto* f(const behalf::Token& token) {
  return new behalf::Impersonation{token};
}
#endif
#ifdef MUST_NOT_COMPILE_placement
void f(const behalf::Token& token, void* place) {
  (void)new (place) behalf::Impersonation{token};
}
#endif
#ifdef MUST_NOT_COMPILE_capture
auto f(behalf::Impersonation& as) {
  return [as] {};
}
#endif
#ifdef MUST_NOT_COMPILE_discard
void f(const behalf::Token& token) {
  behalf::Impersonation{token};
}
#endif
#ifdef MUST_NOT_COMPILE_awaitable_member
void f(const behalf::Token& token) {
  behalf::run_as(token, [] { return HasAwaitReady{}; });
}
#endif
#ifdef MUST_NOT_COMPILE_awaitable_operator
void f(const behalf::Token& token) {
  behalf::run_as(token, [] { return HasOperator{}; });
}
#endif
#ifdef MUST_NOT_COMPILE_awaitable_free_operator
void f(const behalf::Token& token) {
  behalf::run_as(token, [] { return HasFreeOperator{}; });
}
#endif
#ifdef MUST_NOT_COMPILE_coroutine
void f(const behalf::Token& token) {
  behalf::run_as(token, []() -> Coroutine { co_return; });
}
#endif
#ifdef MUST_NOT_COMPILE_await
Coroutine f(behalf::Impersonation& as) {
  co_await as;
}
#endif
