#include "behalf/impersonation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <thread>

#include "child.h"
#include "faulty_calls.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

using Reason = Error::Reason;

constexpr Posture all_postures[] = {Posture::files, Posture::effective, Posture::full, Posture::shielded};
constexpr ServiceKind all_kinds[] = {ServiceKind::root, ServiceKind::account, ServiceKind::unfixed};

// On a worker thread of each kind of service; the words of the first failure.
std::string on_worker_of_each(const std::function<void()>& body) {
  for (const ServiceKind kind : all_kinds) {
    const std::string failure = in_own_process([&] {
      start(kind);
      on_thread(body);
    });
    if (!failure.empty()) return to_words(kind) + ": " + failure;
  }
  return "";
}

template <class Body>
Error error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  throw std::runtime_error("nothing was thrown");
}

TEST(An_impersonation, is_the_user_in_each_posture_and_gives_back_exactly) {
  EXPECT_EQ(on_worker_of_each([] {
              const KernelView service = kernel_view();
              for (const Posture posture : all_postures) {
                const Token token = in_posture(alice(), posture);
                {
                  const Impersonation as{token};
                  must_be(kernel_view(), expected(service, token, posture), std::string{to_string(posture)});
                  must(worn() == token && is_impersonating(), "worn()");
                }
                must_be(kernel_view(), service, "after " + std::string{to_string(posture)});
                must(!worn() && !is_impersonating(), "worn() after");
              }
            }),
            "");
}

TEST(An_impersonation, nests_with_others_and_with_the_service_to_any_depth) {
  EXPECT_EQ(on_worker_of_each([] {
              const KernelView service = kernel_view();
              const std::function<void(int)> descend = [&](int depth) {
                if (depth == 0) return;
                const KernelView before = kernel_view();
                for (const Posture posture : all_postures) {
                  for (const Token& token : {alice(), bob()}) {
                    const Impersonation as{in_posture(token, posture)};
                    must_be(kernel_view(), expected(service, token, posture), "nested");
                    descend(depth - 1);
                    must_be(kernel_view(), expected(service, token, posture), "after the inner ones");
                  }
                }
                {
                  const AsService self;
                  must_be(kernel_view(), service, "as the service");
                  must(!is_impersonating() && !worn(), "worn() as the service");
                  descend(depth - 1);
                  must_be(kernel_view(), service, "as the service, after the inner ones");
                }
                must_be(kernel_view(), before, "in the end");
              };
              descend(3);
            }),
            "");
}

TEST(An_impersonation, of_what_is_worn_already_makes_no_system_call) {
  EXPECT_EQ(on_worker_of_each([] {
              const Impersonation as{alice()};
              const Token equal = alice();
              arm({});
              {
                const Impersonation again{equal};
                const Impersonation and_again{equal};
                must(is_impersonating() && worn() == equal, "worn()");
              }
              const Faults calls = disarm();
              must(calls.calls == 0, "system calls were made: " + calls.trace);
            }),
            "");
}

TEST(An_impersonation, makes_no_more_system_calls_than_are_promised) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                { const Impersonation first{alice()}; }
                arm({});
                { const Impersonation as{alice()}; }
                must_equal(disarm().calls, 18L, "to take and to give back, root");
                const Token same_groups = Token::from_ids(bob_id, alice_id, {devs, alice_id});
                const Impersonation as{alice()};
                arm({});
                { const Impersonation other{same_groups}; }
                const Faults calls = disarm();
                must(calls.trace.find("groups") == std::string::npos, "groups do not change: " + calls.trace);
              });
            }),
            "");
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::account);
              on_thread([] {
                { const Impersonation first{alice()}; }
                arm({});
                { const Impersonation as{alice()}; }
                must_equal(disarm().calls, 20L, "to take and to give back, account");
              });
            }),
            "");
}

TEST(An_impersonation, keeps_errno_and_the_signal_mask) {
  EXPECT_EQ(on_worker_of_each([] {
              const KernelView before = kernel_view();
              errno = ENOTTY;
              {
                const Impersonation as{alice()};
                must_equal(errno, ENOTTY, "errno in the region");
                must_equal(kernel_view().blocked_signals, before.blocked_signals, "signals in the region");
                errno = EXDEV;
              }
              must_equal(errno, EXDEV, "errno that the region left");
              (void)alice().with_posture(Posture::shielded);
              must_equal(errno, EXDEV, "errno after");
            }),
            "");
}

TEST(An_impersonation, is_given_back_when_an_exception_leaves_it) {
  EXPECT_EQ(on_worker_of_each([] {
              const KernelView service = kernel_view();
              try {
                const Impersonation as{alice()};
                const AsService self;
                throw std::runtime_error("out");
              } catch (const std::runtime_error&) {
                must_be(kernel_view(), service, "in the handler");
              }
            }),
            "");
}

// libkrun#723: a revert that goes "back to 0" parks the thread as root, or loses its capabilities.
TEST(A_service_that_is_not_root, gets_its_own_ids_and_capabilities_back_and_not_those_of_root) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::account);
              on_thread([] {
                const KernelView service = kernel_view();
                must_equal(service.uid.effective, account_id, "this service");
                for (int round = 0; round < 3; ++round) {
                  { const Impersonation as{alice()}; }
                  must_be(kernel_view(), service, "given back");
                }
              });
            }),
            "");
}

// A thread of the service with ids, groups or capabilities of its own gets these back, and nothing more.
TEST(A_thread_of_the_service_with_a_state_of_its_own, gets_that_state_back) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const std::uint64_t all = kernel_view().permitted;
              const std::uint64_t few = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
              const RawState states[] = {
                  {{}, {}, {0, 5}, few, all, 0},                                 // fewer effective capabilities
                  {{}, {}, {0, 5}, 0, all, 0},                                   // none effective
                  {{}, {}, {0, 5}, few, few, 0},                                 // fewer permitted
                  {{}, {}, {7, 8, 9}, all, all, 0},                              // groups of its own
                  {{}, {}, {}, all, all, 0},                                     // no groups
                  {{0, 0, 0, 4001}, {0, 0, 0, 4002}, {4002}, few, all, 0},       // fs ids of its own
                  {{4001, 0, 0, 0}, {4002, 0, 0, 0}, {0, 5}, all, all, 0},       // real ids of its own
                  {{0, 4001, 0, 4001}, {0, 4002, 0, 4002}, {4002}, 0, all, 0},   // euid put on by hand
                  {{4001, 4001, 0, 4001}, {0, 4002, 0, 4005}, {}, few, all, 0},  // all of it
                  {{}, {}, {0, 5}, all, all, SECBIT_NO_SETUID_FIXUP},            // no fix-ups in this thread
              };
              for (const RawState& state : states) {
                on_thread([&] {
                  make_thread(state);
                  const KernelView own = kernel_view();
                  for (const Posture posture : all_postures) {
                    {
                      const Impersonation as{in_posture(alice(), posture)};
                      KernelView wanted = expected(own, alice(), posture);
                      // The saved id is the service's whatever the thread had.
                      wanted.uid.saved = wanted.gid.saved = 0;
                      if (posture == Posture::files || posture == Posture::effective)
                        wanted.uid.real = wanted.gid.real = 0;
                      if (posture == Posture::files) wanted.uid.effective = wanted.gid.effective = 0;
                      wanted.effective = kernel_view().effective;
                      must_be(kernel_view(), wanted, "worn");
                      must((wanted.effective & ~own.permitted) == 0, "capabilities out of nothing");
                      must(posture == Posture::files || wanted.effective == 0, "capabilities of the user");
                      const AsService self;
                      must_equal(kernel_view().uid.effective, 0U, "AsService");
                    }
                    must_be(kernel_view(), own, "given back after " + std::string{to_string(posture)});
                  }
                });
              }
            }),
            "");
}

// DataDog/ddprof#494: a way through uid 0 takes all capabilities from a thread that has given up uid 0.
TEST(A_thread_that_has_given_up_uid_0, is_refused_since_it_could_not_be_given_back) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const std::uint64_t all = kernel_view().permitted;
              on_thread([&] {
                const Ids id{4001, 4001, 4001, 4001};
                make_thread({id, id, {}, all, all, 0});
                const KernelView own = kernel_view();
                const Error error = error_of([] { const Impersonation as{alice()}; });
                must(error.reason() == Reason::not_permitted, error.what());
                must_be(kernel_view(), own, "after the refusal");
              });
            }),
            "");
}

TEST(A_thread_started_while_impersonating, knows_who_it_is_and_what_the_service_is) {
  EXPECT_EQ(on_worker_of_each([] {
              const KernelView service = kernel_view();
              for (const Posture posture : all_postures) {
                const Token token = in_posture(alice(), posture);
                const Impersonation as{token};
                on_thread([&] {
                  const KernelView started = kernel_view();
                  must(is_impersonating(), "is_impersonating()");
                  must(worn() && worn()->uid() == alice_id, "worn()");
                  {
                    const AsService self;
                    must_be(kernel_view(), service, "the service, not what the thread was started as");
                  }
                  must_be(kernel_view(), started, "after AsService");
                  {
                    const Impersonation other{bob()};
                    must_be(kernel_view(), expected(service, bob(), Posture::full), "bob");
                  }
                  must_be(kernel_view(), started, "after bob");
                });
              }
            }),
            "");
}

TEST(An_impersonation, on_the_main_thread_is_refused_in_full_and_names_run_as) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const KernelView service = kernel_view();
              const Error error = error_of([] { const Impersonation as{alice()}; });
              must(error.reason() == Reason::main_thread, error.what());
              must(std::string{error.what()}.find("run_as") != std::string::npos, error.what());
              must_be(kernel_view(), service, "after the refusal");
              { const Impersonation as{alice(), allow_main_thread}; }
              { const Impersonation as{alice().with_posture(Posture::shielded)}; }
              { const Impersonation as{alice().with_posture(posture_effective)}; }
              must_be(kernel_view(), service, "in the end");
            }),
            "");
}

TEST(The_only_thread_of_a_forked_child, is_its_main_thread) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                { const Impersonation as{alice()}; }
                const pid_t pid = ::fork();
                if (pid == 0) {
                  try {
                    const Impersonation as{alice()};
                  } catch (const Error& error) {
                    ::_exit(error.reason() == Reason::main_thread ? 0 : 1);
                  }
                  ::_exit(2);
                }
                int status = 0;
                ::waitpid(pid, &status, 0);
                must_equal(status, 0, "status of the child");
              });
            }),
            "");
}

TEST(A_token_below_the_level_of_impersonation, is_not_worn) {
  EXPECT_EQ(on_worker_of_each([] {
              const KernelView service = kernel_view();
              for (const Level level : {Level::anonymous, Level::identification}) {
                const Error error = error_of([&] { const Impersonation as{alice().with_level(level)}; });
                must(error.reason() == Reason::level_too_low, error.what());
              }
              { const Impersonation as{alice().with_level(Level::delegation, raise_level)}; }
              must_be(kernel_view(), service, "in the end");
            }),
            "");
}

TEST(Capabilities_that_a_token_may_keep, are_effective_while_it_is_worn) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const KernelView service = kernel_view();
                const std::uint64_t kept = 1ULL << CAP_NET_BIND_SERVICE;
                {
                  const Impersonation as{alice().with_capabilities(kept, allow_capabilities)};
                  must_equal(kernel_view().effective, kept, "effective");
                  const AsService self;
                  must_be(kernel_view(), service, "the service");
                }
                must_be(kernel_view(), service, "given back");
              });
            }),
            "");
}

TEST(An_impersonation, before_initialize_is_refused) {
  EXPECT_EQ(in_own_process([] {
              const auto reason = error_of([] { const AsService self; }).reason();
              must(reason == Reason::not_initialized, std::string{to_string(reason)});
              must(!is_impersonating() && !worn(), "nobody impersonates");
            }),
            "");
}

TEST(An_impersonation, refused_by_the_kernel_says_what_was_attempted_as_whom_and_what_to_do) {
  EXPECT_EQ(on_worker_of_each([] {
              { const Impersonation as{bob()}; }
              arm({.first = 2});  // after the signal mask and, for some, the first credential call
              const Error error = error_of([] { const Impersonation as{alice()}; });
              (void)disarm();
              const std::string text = error.what();
              for (const char* words : {"alice (uid 3001, gid 3001)", "the service", "full", "set", "as it was before",
                                        "Operation not permitted", "CAP_SETUID"}) {
                must(text.find(words) != std::string::npos, std::string{words} + " is missing in: " + text);
              }
              must_equal(error.error_number(), EPERM, "errno");
            }),
            "");
}

TEST(Ambient_capabilities, are_gone_from_a_thread_that_impersonates) {
  EXPECT_EQ(in_own_process([] {
              become(ServiceKind::account);
              must(kernel_view().ambient != 0, "prepared");
              std::atomic<bool> initialized{false};
              std::string failure;
              std::thread early([&] {  // has its own ambient set, which initialize() cannot reach
                initialized.wait(false);
                try {
                  must(kernel_view().ambient != 0, "prepared, thread");
                  { const Impersonation as{alice()}; }
                  must(kernel_view().ambient == 0, "ambient capabilities are left");
                } catch (const std::exception& error) {
                  failure = error.what();
                }
              });
              initialize({});
              const std::uint64_t left = kernel_view().ambient;
              initialized = true;
              initialized.notify_all();
              early.join();
              must(left == 0, "the thread that called initialize() has some left");
              must(failure.empty(), failure);
            }),
            "");
}

TEST(An_impersonation, concerns_no_other_thread) {
  EXPECT_EQ(on_worker_of_each([] {
              std::atomic<int> step{0};
              std::string failure;
              std::thread other([&] {
                const KernelView before = kernel_view();
                step = 1;
                step.notify_all();
                step.wait(1);
                try {
                  must_be(kernel_view(), before, "the other thread");
                } catch (const std::exception& error) {
                  failure = error.what();
                }
              });
              step.wait(0);
              {
                const Impersonation as{alice()};
                step = 2;
                step.notify_all();
                other.join();
              }
              must(failure.empty(), failure);
            }),
            "");
}

TEST(Sixteen_threads, with_several_identities_each_are_always_whom_they_should_be) {
  EXPECT_EQ(on_worker_of_each([] {
              const KernelView service = kernel_view();
              std::vector<std::string> failures(16);
              std::vector<std::thread> threads;
              for (unsigned number = 0; number < failures.size(); ++number) {
                threads.emplace_back([&, number] {
                  try {
                    for (unsigned round = 0; round < 60; ++round) {
                      const uid_t id = 5000 + (number * 7 + round * 3) % 11;
                      const Posture posture = all_postures[(number + round) % 4];
                      const Token token = in_posture(Token::from_ids(id, id, {id, devs}), posture);
                      const Impersonation as{token};
                      must_be(kernel_view(), expected(service, token, posture), "in the region");
                      if (round % 3 == 0) {
                        const AsService self;
                        must_be(kernel_view(), service, "as the service");
                      }
                    }
                    must_be(kernel_view(), service, "in the end");
                  } catch (const std::exception& error) {
                    failures[number] = error.what();
                  }
                });
              }
              for (std::thread& thread : threads) thread.join();
              for (const std::string& failure : failures) must(failure.empty(), failure);
            }),
            "");
}

TEST(Files_of_an_impersonation, belong_to_the_user_and_those_of_the_service_cannot_be_read) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              char directory[] = "/tmp/behalf-XXXXXX";
              must(::mkdtemp(directory) != nullptr, "mkdtemp");
              must(::chmod(directory, 0777) == 0, "chmod");
              const std::string secret = std::string{directory} + "/secret";
              const std::string made = std::string{directory} + "/made";
              must(::close(::open(secret.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0, "secret");
              for (const Posture posture : all_postures) {
                on_thread([&] {
                  const Impersonation as{in_posture(alice(), posture)};
                  must(::open(secret.c_str(), O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES, "the secret was opened");
                  must(::close(::open(made.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)) == 0,
                       "make a file");
                });
                struct stat facts {};
                must(::stat(made.c_str(), &facts) == 0 && facts.st_uid == alice_id && facts.st_gid == alice_id,
                     "the owner of the file");
                ::unlink(made.c_str());
              }
              ::unlink(secret.c_str());
              ::rmdir(directory);
            }),
            "");
}

TEST(A_scope_that_ends_on_another_thread, ends_the_process) {
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    alignas(Impersonation) unsigned char place[sizeof(Impersonation)];
    const Token token = alice();
    Impersonation* scope = nullptr;
    on_thread([&] { scope = ::new (place) Impersonation{token}; });
    std::destroy_at(scope);
  });
  EXPECT_EQ(end.status, 70) << end.failure;
  EXPECT_NE(end.said.find("another thread"), std::string::npos) << end.said;
}

TEST(Scopes_that_end_out_of_order, end_the_process) {
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    on_thread([] {
      alignas(Impersonation) unsigned char place[sizeof(Impersonation)];
      auto* outer = ::new (place) Impersonation{alice()};
      const Impersonation inner{bob()};
      std::destroy_at(outer);
    });
  });
  EXPECT_EQ(end.status, 70) << end.failure;
  EXPECT_NE(end.said.find("out of order"), std::string::npos) << end.said;
}

}  // namespace
}  // namespace behalf::testing
