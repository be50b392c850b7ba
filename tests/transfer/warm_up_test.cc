// warm_up(): what libraries start by themselves is the service, and no user's.
#include "behalf/warm_up.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <csignal>
#include <ctime>
#include <future>

#include "behalf/impersonation.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

const Warmth& of(const std::vector<Warmth>& found, const std::string& what) {
  for (const Warmth& helper : found) {
    if (helper.what.find(what) != std::string::npos) return helper;
  }
  throw std::runtime_error("nothing is said of " + what);
}

// ThreadSanitizer does not live with the C library's own threads (SIGEV_THREAD).
#if !defined(__SANITIZE_THREAD__)
std::string names_of_threads() {
  std::string names;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    names += name + ' ';
  }
  return names;
}

// As whom a timer's callback runs that the calling thread makes.
uid_t callback_runs_as() {
  static std::promise<uid_t>* called;
  std::promise<uid_t> here;
  called = &here;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) { called->set_value(uid_now()); };
  timer_t timer{};
  must(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
  itimerspec soon{};
  soon.it_value.tv_nsec = 1;
  ::timer_settime(timer, 0, &soon, nullptr);
  const uid_t uid = here.get_future().get();
  ::timer_delete(timer);
  return uid;
}

TEST(Without_warming_up, the_first_user_gets_the_callbacks_of_all) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              for (const Token& user : {alice(), bob()}) {
                on_thread([&] {
                  const Impersonation as{user};
                  must_equal(callback_runs_as(), alice_id, "the callback");
                });
              }
            }),
            "");
}

TEST(Warming_up, starts_the_helpers_as_the_service_also_while_impersonating) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation as{bob()};
                const std::vector<Warmth> found = warm_up();
                must(of(found, "timer_create").warm, of(found, "timer_create").found);
                must(of(found, "name service").warm && of(found, "time zone").warm, "the plain ones");
                must_equal(uid_now(), bob_id, "afterwards");
              });
              on_thread([] {
                const Impersonation as{alice()};
                must_equal(callback_runs_as(), uid_t{0}, "the callback");
              });
            }),
            "");
}

// GLib is there where a row of the catalogue needs it; nothing of it is linked here.
TEST(Warming_up, starts_the_threads_of_GLib_as_the_service_and_leaves_the_handlers_of_signals) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              if (::dlopen("libgio-2.0.so.0", RTLD_NOW | RTLD_GLOBAL) == nullptr) return;
              struct sigaction ignored {};
              ignored.sa_handler = SIG_IGN;
              must(::sigaction(SIGWINCH, &ignored, nullptr) == 0, "sigaction");
              on_thread([] {
                const Impersonation as{alice()};
                const std::vector<Warmth> found = warm_up();
                must(of(found, "GLib's own thread").warm, of(found, "GLib's own thread").found);
                must(of(found, "D-Bus").warm, of(found, "D-Bus").found);
              });
              const std::string names = names_of_threads();
              must(names.find("gmain") != std::string::npos && names.find("gdbus") != std::string::npos, names);
              must(threads_that_are_not_root().empty(), threads_that_are_not_root());
              struct sigaction now {};
              ::sigaction(SIGWINCH, nullptr, &now);
              must(now.sa_handler == SIG_IGN, "the handler of SIGWINCH is another");
            }),
            "");
}

#endif

TEST(Warming_up, says_what_it_cannot_do_and_why) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              for (const Warmth& helper : warm_up()) must(!helper.found.empty(), helper.what + ": nothing is said");
              const std::vector<Warmth> found = warm_up();
              must(!of(found, "aio_write").warm && !of(found, "getaddrinfo_a").warm, "helpers that end when idle");
              must(!of(found, "GLib thread pools").warm, "GLib is not part of this process");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
