// exec: the process becomes the user's program, or nobody's: what cannot be made so ends it before anything of hers has
// run.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <sys/wait.h>

#include <csignal>
#include <stdexcept>
#include <thread>

#include "behalf/impersonation.h"
#include "behalf/spawn.h"
#include "faulty_calls.h"
#include "household.h"
#include "identity/initialize_to_exec.h"

namespace behalf::testing {
namespace {

const std::vector<std::string> witness = {
    "/bin/sh", "-c", "grep -E '^(Uid|Gid|Groups|Cap...|Umask|Sig(Blk|Ign)):' /proc/self/status; pwd; ls /proc/self/fd"};

struct Became {
  std::string text;  // what it said on standard output and standard error
  int status = 0;
};

// A process of one thread that does what is asked, in a session that it does not lead.
template <class F>
Became process_that(const F& becomes) {
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    SpawnOptions options;
    options.output = Stream::of(ends[1]);
    options.error = Stream::of(ends[1]);
    try {
      becomes(options);
    } catch (const std::exception& error) {
      const std::string line = std::string{"threw: "} + error.what();
      (void)!::write(ends[1], line.data(), line.size());
    }
    ::_exit(77);
  }
  ::close(ends[1]);
  Became became;
  became.text = read_all(Descriptor(ends[0]));
  must(::waitpid(pid, &became.status, 0) == pid && WIFEXITED(became.status), "it did not exit");
  became.status = WEXITSTATUS(became.status);
  return became;
}

Became becomes_alice(const std::vector<std::string>& argv) {
  return process_that([&](const SpawnOptions& options) { exec(alice(), argv, options); });
}

void must_be_witness(const Became& became, const std::string& when) {
  const std::string id = "\t3001\t3001\t3001\t3001\n";
  for (const std::string& wanted :
       {"Uid:" + id, "Gid:" + id, std::string{"Groups:\t3001 3100"}, std::string{"CapBnd:\t0000000000000000"},
        std::string{"CapPrm:\t0000000000000000"}, std::string{"SigBlk:\t0000000000000000"}, std::string{"Umask:\t0022"},
        std::string{"/home/alice\n0\n1\n2\n3\n"}}) {
    must(became.text.find(wanted) != std::string::npos, when + ": no " + wanted + " in " + became.text);
  }
  must_equal(became.status, 0, when);
}

TEST(A_process_that_becomes_a_program, is_all_of_its_user_whoever_calls) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              std::signal(SIGPIPE, SIG_IGN);
              start(ServiceKind::root);
              must(::fcntl(STDIN_FILENO, F_DUPFD, 50) >= 50, "a descriptor that is not closed on exec");
              must_be_witness(becomes_alice(witness), "the service");
              must_be_witness(process_that([](const SpawnOptions& options) {
                                std::thread([&] {
                                  const Impersonation as{bob()};
                                  exec(alice(), witness, options);
                                }).join();
                              }),
                              "a thread that wears bob, beside the main thread");
            }),
            "");
}

// A signal that the service holds back, to read it from a signalfd, is the service's: her program begins with none.
TEST(A_process_that_becomes_a_program, has_no_signal_of_the_service_s_pending) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              const Became became = process_that([](const SpawnOptions& options) {
                sigset_t held;
                ::sigemptyset(&held);
                for (const int signal : {SIGUSR1, SIGRTMIN, SIGTERM}) ::sigaddset(&held, signal);
                ::sigprocmask(SIG_BLOCK, &held, nullptr);
                ::raise(SIGUSR1);
                for (int i = 0; i < 3; ++i) ::kill(::getpid(), SIGRTMIN);
                ::kill(::getpid(), SIGTERM);
                exec(alice(), {"/bin/echo", "here"}, options);
              });
              must(became.status == 0 && became.text == "here\n", became.text);
            }),
            "");
}

TEST(A_process_that_becomes_a_program, keeps_its_id_and_has_a_session_of_its_own) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              const Became plain = process_that([&](const SpawnOptions& options) {
                exec(alice(),
                     {"/bin/sh", "-c", "cut -d' ' -f6 /proc/$$/stat; echo $$; echo " + std::to_string(::getpid())},
                     options);
              });
              const std::string pid = plain.text.substr(0, plain.text.find('\n') + 1);
              must(plain.text == pid + pid + pid, plain.text);
              // It leads a group, and begins no session: said before anything is changed.
              const Became leader = process_that([&](const SpawnOptions& options) {
                ::setpgid(0, 0);
                exec(alice(), witness, options);
              });
              must(leader.status == 77 && leader.text.find("threw: ") == 0 &&
                       leader.text.find("begin a session") != std::string::npos,
                   leader.text);
              // It leads a session that has no terminal: that is one of its own.
              must_be_witness(process_that([&](const SpawnOptions& options) {
                                ::setsid();
                                exec(alice(), witness, options);
                              }),
                              "a leader of a session");
            }),
            "");
}

TEST(A_process_that_cannot_become_a_program, ends_with_the_status_of_env_and_says_why) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              const Became missing = becomes_alice({"no-such-program"});
              must(missing.status == ExecStatus::not_found && missing.text.find("No such file") != std::string::npos,
                   missing.text);
              const Became refused = becomes_alice({"/etc/passwd"});
              must(refused.status == ExecStatus::not_executable &&
                       refused.text.find("Permission denied") != std::string::npos,
                   refused.text);
              const Became elsewhere = process_that([](SpawnOptions options) {
                options.directory = "/home/bob";
                exec(alice(), witness, options);
              });
              must(elsewhere.status == ExecStatus::failed && elsewhere.text.find("/home/bob") != std::string::npos,
                   elsewhere.text);
              // Nobody would have the other end.
              const Became pipe = process_that([](SpawnOptions options) {
                options.input = Stream::pipe();
                exec(alice(), witness, options);
              });
              must(pipe.status == 77 && pipe.text.find("behalf::spawn") != std::string::npos, pipe.text);
              const Became own =
                  process_that([](const SpawnOptions& options) { exec(Token::of_process(), witness, options); });
              must(own.status == 77 && own.text.find("threw: ") == 0, own.text);
            }),
            "");
}

TEST(A_call_that_fails_on_the_way, ends_the_process_before_anything_has_run) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              long failed = 0;
              for (const bool silent : {false, true}) {
                for (long at = 0;; ++at) {
                  const Became became = process_that([&](const SpawnOptions& options) {
                    arm({.first = at, .error = EPERM, .silent = silent});
                    exec(alice(), witness, options);
                  });
                  if (became.status == 0) {
                    must_be_witness(became, "call " + std::to_string(at));
                    if (at > 150) break;  // past the last of them
                    continue;
                  }
                  ++failed;
                  must(became.text.find("Uid:") == std::string::npos, "it ran all the same: " + became.text);
                  must(became.status == ExecStatus::failed || became.status == ExecStatus::not_executable ||
                           became.status == 77,
                       became.text);
                }
              }
              must(failed > 100, "few calls failed: " + std::to_string(failed));
            }),
            "");
}

TEST(A_process_that_becomes_a_program_next, needs_no_self_test) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              become(ServiceKind::root);
              must_be_witness(process_that([](const SpawnOptions& options) {
                                detail::initialize_to_exec();
                                exec(Token::for_user("alice"), witness, options);
                              }),
                              "initialize_to_exec()");
            }),
            "");
}

// The kernel counts a keyring until it has freed the credentials of the last process that had it.
TEST(A_quota_of_keys_that_is_used_up, is_waited_for_but_not_for_ever) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              static int refusals = 0;
              static long waited = 0;
              static detail::SystemCalls short_of_keys;
              short_of_keys = detail::kernel_calls;
              short_of_keys.keyctl = [](int operation, unsigned long a, unsigned long b) noexcept -> long {
                if (operation == KEYCTL_JOIN_SESSION_KEYRING && refusals-- > 0) return -EDQUOT;
                return detail::kernel_calls.keyctl(operation, a, b);
              };
              short_of_keys.nanosleep = [](long nanoseconds) noexcept -> long {
                waited += nanoseconds;
                return 0;
              };
              detail::replace_system_calls(&short_of_keys);
              refusals = 5;
              must(spawn(alice(), {"true"}).wait().success(), "after five refusals");
              must(waited > 0, "it did not wait");
              refusals = 1000;
              waited = 0;
              try {
                (void)spawn(alice(), {"true"});
                must(false, "begun without a keyring");
              } catch (const SpawnError& error) {
                must(error.step() == "join a session keyring" && error.error_number() == EDQUOT, error.what());
              }
              must(waited < 1'000'000'000, "it waited for ever");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
