#include "behalf/run_as.h"

#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>

#include "behalf/impersonation.h"
#include "behalf/of_thread.h"
#include "child.h"
#include "no_memory.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

std::string as_service(const std::function<void()>& body, ServiceKind kind = ServiceKind::root) {
  return in_own_process([&] {
    start(kind);
    body();
  });
}

TEST(Run_as, brings_results_back) {
  for (const ServiceKind kind : {ServiceKind::root, ServiceKind::account}) {
    EXPECT_EQ(as_service(
                  [] {
                    const KernelView service = kernel_view();
                    const KernelView there = run_as(alice(), [] { return kernel_view(); });
                    KernelView wanted = expected(service, alice(), Posture::full);
                    wanted.blocked_signals = there.blocked_signals;
                    must_be(there, wanted, "on the worker");
                    must_be(kernel_view(), service, "the caller");
                    must(*run_as(bob(), [] { return std::make_unique<int>(7); }) == 7, "a result that only moves");
                    int here = 1;
                    int& same = run_as(bob(), [&]() -> int& { return here; });
                    must(&same == &here, "a reference");
                    run_as(bob(), [&] { here = 2; });
                    must_equal(here, 2, "no result at all");
                    must(!run_as(bob(), [] { return static_cast<uid_t>(::syscall(SYS_getuid)) == 0; }),
                         "bob is not root");
                  },
                  kind),
              "");
  }
}

TEST(Run_as, brings_exceptions_back_and_the_worker_is_as_good_as_before) {
  EXPECT_EQ(as_service([] {
              for (int round = 0; round < 3; ++round) {
                bool caught = false;
                try {
                  run_as(alice(), [] { throw std::out_of_range("from the worker"); });
                } catch (const std::out_of_range& error) {
                  caught = std::string{error.what()} == "from the worker";
                }
                must(caught, "the exception");
                must_equal(run_as(bob(), [] { return ::geteuid(); }), bob_id, "afterwards");
              }
            }),
            "");
}

TEST(Run_as, reports_a_token_that_cannot_be_worn_and_does_not_call) {
  EXPECT_EQ(as_service([] {
              bool called = false;
              try {
                run_as(alice().with_level(Level::identification), [&] { called = true; });
                must(false, "not refused");
              } catch (const Error& error) {
                must(error.reason() == Error::Reason::level_too_low, error.what());
              }
              must(!called, "called all the same");
            }),
            "");
}

// What /proc says of another thread of this process.
std::string status_of(long tid) {
  std::ifstream file("/proc/self/task/" + std::to_string(tid) + "/status");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct DestroyedAs {
  explicit DestroyedAs(uid_t* put) : where(put) {}
  DestroyedAs(DestroyedAs&& other) noexcept : where(std::exchange(other.where, nullptr)) {}
  DestroyedAs(const DestroyedAs&) = delete;
  ~DestroyedAs() {
    if (where != nullptr) *where = ::geteuid();
  }
  uid_t* where;
};

TEST(Run_as, destroys_the_task_as_the_user) {
  EXPECT_EQ(as_service([] {
              uid_t destroyed_as = 0;
              run_as(alice(), [d = DestroyedAs(&destroyed_as)] { (void)d; });
              must_equal(destroyed_as, alice_id, "the destructor ran as");
            }),
            "");
}

TEST(Run_as, keeps_its_workers_and_gives_each_call_at_a_time_one_of_its_own) {
  EXPECT_EQ(as_service([] {
              const auto tid = [] { return ::syscall(SYS_gettid); };
              const long first = run_as(alice(), tid);
              must_equal(run_as(bob(), tid), first, "the worker of the second call");
              must(run_as(alice(), [&] { return run_as(bob(), tid); }) != first, "a call in a call");

              std::vector<std::string> failures(12);
              std::vector<std::thread> callers;
              for (unsigned number = 0; number < failures.size(); ++number) {
                callers.emplace_back([&, number] {
                  try {
                    for (uid_t round = 0; round < 40; ++round) {
                      const uid_t id = 5000 + (number + round) % 5;
                      const Token token = Token::from_ids(id, id, {id});
                      const KernelView view = run_as(token, [] { return kernel_view(); });
                      must_equal(view.uid.effective, id, "on the worker");
                      must_equal(view.gid.fs, id, "on the worker, gid");
                      must(view.groups == std::vector<gid_t>{id} && view.effective == 0, "on the worker, the rest");
                    }
                  } catch (const std::exception& error) {
                    failures[number] = error.what();
                  }
                });
              }
              for (std::thread& caller : callers) caller.join();
              for (const std::string& failure : failures) must(failure.empty(), failure);
            }),
            "");
}

// It would throw where nobody catches.
TEST(A_worker, goes_back_to_the_others_without_memory) {
  EXPECT_EQ(as_service([] {
              run_as(alice(), [] { no_memory_next = true; });
              try {
                run_as(alice(), [] { no_memory_next = false; });
              } catch (const std::bad_alloc&) {  // before the call
              }
              must_equal(run_as(bob(), [] { return ::syscall(SYS_geteuid); }), static_cast<long>(bob_id), "the next");
            }),
            "");
}

TEST(A_worker, is_started_as_the_service_whatever_the_caller_wears) {
  for (const ServiceKind kind : {ServiceKind::root, ServiceKind::account}) {
    EXPECT_EQ(as_service(
                  [] {
                    const KernelView service = kernel_view();
                    long worker = 0;
                    on_thread([&] {
                      const Impersonation as{alice()};
                      KernelView wanted = expected(service, bob(), Posture::full);
                      const KernelView there = run_as(bob(), [&] {
                        worker = ::syscall(SYS_gettid);
                        return kernel_view();
                      });
                      wanted.blocked_signals = there.blocked_signals;
                      must_be(there, wanted, "on the worker");
                      must_equal(kernel_view().uid.effective, alice_id, "the caller");
                    });
                    // Parked it is the service again, not the alice who had it made.
                    std::string wanted_line = "Uid:";
                    for (int i = 0; i < 4; ++i) wanted_line.append("\t").append(std::to_string(service.uid.real));
                    const std::string status = status_of(worker);
                    must(status.find(wanted_line) != std::string::npos, "the parked worker: " + status);
                  },
                  kind),
              "");
  }
}

TEST(A_worker, takes_no_asynchronous_signal_whatever_the_call_did_to_its_mask) {
  EXPECT_EQ(as_service([] {
              const auto blocked = [](int signal) {
                return run_as(alice(), [=] { return (kernel_view().blocked_signals >> (signal - 1) & 1) != 0; });
              };
              must(blocked(SIGTERM) && blocked(SIGUSR1) && blocked(SIGCHLD), "signals a handler could take");
              must(!blocked(SIGSEGV), "a crash must be one");
              run_as(alice(), [] {
                sigset_t none;
                sigemptyset(&none);
                ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
              });
              must(blocked(SIGTERM), "after a call that unblocked it");
            }),
            "");
}

long keyring(long id, bool create) {
  return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, id, create ? 1L : 0L);
}

TEST(A_worker, has_a_session_keyring_of_its_own_and_a_fresh_one_for_another_user) {
  EXPECT_EQ(as_service([] {
              if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0L) < 0) return;  // a kernel without keyrings
              const long of_service = keyring(KEY_SPEC_SESSION_KEYRING, false);
              const auto session = [] { return keyring(KEY_SPEC_SESSION_KEYRING, false); };
              const long first = run_as(alice(), session);
              must(first > 0 && first != of_service, "the service's keyring is not the worker's");
              must_equal(run_as(alice(), session), first, "alice again");
              must(run_as(bob(), session) != first, "bob has alice's");
              const auto add = [] {
                return ::syscall(SYS_add_key, "user", "behalf-test", "x", 1UL,
                                 static_cast<long>(KEY_SPEC_THREAD_KEYRING));
              };
              const auto find = [] {
                return ::syscall(SYS_keyctl, KEYCTL_SEARCH, static_cast<long>(KEY_SPEC_THREAD_KEYRING), "user",
                                 "behalf-test", 0L);
              };
              must(run_as(alice(), add) > 0, "alice's key in the thread keyring");
              must(run_as(alice(), find) > 0, "alice finds it");
              must(run_as(bob(), find) < 0, "bob finds alice's key");
            }),
            "");
}

// A coroutine of another library's may hold a ThreadDirectory across its co_await; the next user would work in it.
TEST(A_call_that_leaves_a_scope_of_its_thread_open, ends_the_process) {
  struct Scope final : detail::OfThread {
    using detail::OfThread::begin;
    void take() override {}
    void put_back() noexcept override {}
  };
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    Scope held;
    run_as(alice(), [&] { held.begin(); });
    must_equal(run_as(bob(), [] { return ::geteuid(); }), bob_id, "afterwards");
  });
  EXPECT_TRUE(end.exited && end.status == 70) << end.status << end.failure;
  EXPECT_NE(end.said.find("ThreadDirectory"), std::string::npos) << end.said;
}

TEST(A_call_that_ends_its_thread, is_an_error_and_not_a_caller_that_waits_for_ever) {
  EXPECT_EQ(as_service([] {
              try {
                run_as(alice(), [] { ::pthread_exit(nullptr); });
                must(false, "nothing was thrown");
              } catch (const Error& error) {
                must(std::string{error.what()}.find("pthread_exit") != std::string::npos, error.what());
              }
              must_equal(run_as(bob(), [] { return ::geteuid(); }), bob_id, "afterwards");
            }),
            "");
}

#if !defined(__SANITIZE_THREAD__)  // which allows no threads after a fork of a process with several
TEST(Run_as, works_in_the_child_of_a_process_that_had_workers) {
  EXPECT_EQ(as_service([] {
              run_as(alice(), [] {});
              const pid_t pid = ::fork();
              if (pid == 0) ::_exit(run_as(bob(), [] { return ::geteuid(); }) == bob_id ? 0 : 1);
              int status = 0;
              ::waitpid(pid, &status, 0);
              must_equal(status, 0, "status of the child");
            }),
            "");
}
#endif

TEST(Run_as, keeps_the_errno_of_the_caller) {
  EXPECT_EQ(as_service([] {
              errno = EXDEV;
              run_as(alice(), [] { errno = ENOTTY; });
              must_equal(errno, EXDEV, "errno");
            }),
            "");
}

TEST(Run_as, before_initialize_is_refused) {
  EXPECT_EQ(in_own_process([] {
              try {
                detail::run_on_worker(
                    Token(nullptr), [](void*) {}, nullptr);
                must(false, "not refused");
              } catch (const Error& error) {
                must(error.reason() == Error::Reason::not_initialized, error.what());
              }
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
