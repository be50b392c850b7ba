// Each section is compiled alone and must be refused, with words that tell why.
#include <utility>

#include "behalf/bind.h"
#include "behalf/mail_socket.h"
#include "behalf/mailbox.h"
#include "behalf/signal_handlers.h"
#include "behalf/task.h"
#include "behalf/thread.h"
#include "behalf/thread_pool.h"
#include "behalf/timer.h"

[[maybe_unused]] static behalf::task<int> one() {
  co_return 1;
}

[[maybe_unused]] static behalf::task<int> allowed(behalf::ThreadPool& pool) {
  (void)behalf::bind([] { return 1; })();
  behalf::thread([] {}).join();
  const behalf::SignalHandlers signals({{SIGHUP, [](const siginfo_t&) { return 1; }}});
  co_await behalf::schedule(pool);
  co_return co_await one();
}

#ifdef MUST_NOT_COMPILE_bind_coroutine
void f() {
  (void)behalf::bind([] { return one(); })();
}
#endif
#ifdef MUST_NOT_COMPILE_bind_copy
void f() {
  auto bound = behalf::bind([] {});
  auto copy = bound;
}
#endif
#ifdef MUST_NOT_COMPILE_submit_coroutine
void f(behalf::ThreadPool& pool) {
  (void)pool.submit([] { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_post_coroutine
void f(behalf::ThreadPool& pool) {
  pool.post([] { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_mailbox_coroutine
void f(behalf::Mailbox<int>& box) {
  (void)box.handle_waiting([](behalf::Message<int>&) { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_mail_coroutine
void f(behalf::MailReceiver& box) {
  (void)box.handle_one([](behalf::Message<std::string>&) { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_signal_coroutine
behalf::SignalHandlers f() {
  return behalf::SignalHandlers({{SIGHUP, [](const siginfo_t&) { return one(); }}});
}
#endif
#ifdef MUST_NOT_COMPILE_tbb_coroutine
#include "behalf/tbb.h"
void f(behalf::tbb::Arenas& arenas) {
  (void)arenas.execute([] { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_openmp_coroutine
#include "behalf/openmp.h"
void f() {
  behalf::openmp::parallel([](int, int) { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_openmp_loop_coroutine
#include "behalf/openmp.h"
void f() {
  behalf::openmp::parallel_for(0, 9, [](int) { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_thread_coroutine
void f() {
  behalf::thread worker([] { return one(); });
}
#endif
#ifdef MUST_NOT_COMPILE_timer_coroutine
void f(behalf::Timer& timer) {
  timer.after(std::chrono::seconds{1}, [] { return one(); }).detach();
}
#endif
#ifdef MUST_NOT_COMPILE_await_impersonation
behalf::task<void> f(const behalf::Token& token) {
  co_await behalf::Impersonation{token};
}
#endif
#ifdef MUST_NOT_COMPILE_await_twice
behalf::task<void> f() {
  auto task = one();
  co_await task;
}
#endif
#ifdef MUST_NOT_COMPILE_await_nothing
behalf::task<void> f() {
  co_await 1;
}
#endif
#ifdef MUST_NOT_COMPILE_discard
void f() {
  one();
}
#endif
