// spawn: a child is the user in everything that can be asked of it, whoever called; what cannot be made so is no child.
#include "behalf/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/run_as.h"
#include "household.h"
#include "refused.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

struct Said {
  std::string text;
  ExitStatus end;
};

Said said_by(const Token& token, const std::vector<std::string>& argv, SpawnOptions options = {}) {
  options.output = Stream::pipe();
  Child child = spawn(token, argv, options);
  Said said;
  said.text = read_all(child.output());
  said.end = child.wait();
  return said;
}

std::string text_of(const Token& token, const std::vector<std::string>& argv, const SpawnOptions& options = {}) {
  const Said said = said_by(token, argv, options);
  must(said.end.success(), argv.front() + " ended with " + std::to_string(said.end.as_of_shell()) + ": " + said.text);
  return said.text;
}

// The words of a field of /proc/PID/status, with one space between.
std::string field(const std::string& status, const std::string& name) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream words(line.substr(name.size() + 1));
    std::string found;
    for (std::string word; words >> word;) found += (found.empty() ? "" : " ") + word;
    return found;
  }
  return "no field " + name;
}

void must_be_word(const std::string& is, const std::string& wanted, const std::string& what) {
  must(is == wanted, what + ": is '" + is + "', wanted '" + wanted + "'");
}

void must_be_all_of(const std::string& status, const std::string& id, const std::string& group, bool bounded,
                    const std::string& when) {
  must_be_word(field(status, "Uid"), id + " " + id + " " + id + " " + id, when + ": uids");
  must_be_word(field(status, "Gid"), id + " " + id + " " + id + " " + id, when + ": gids");
  must_be_word(field(status, "Groups"), id + " " + group, when + ": groups");
  const std::string none = "0000000000000000";
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    must_be_word(field(status, set), none, when + ": " + set);
  }
  if (bounded) must_be_word(field(status, "CapBnd"), none, when + ": CapBnd");
  for (const char* set : {"SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"}) {
    must_be_word(field(status, set), none, when + ": " + set);
  }
  must_be_word(field(status, "NoNewPrivs"), "0", when + ": no new privileges");
  must_be_word(field(status, "Umask"), "0022", when + ": umask");
}

// A thread in every state that it can be in.
template <class Visit>
void worn_in_every_way(Visit visit) {
  on_thread([&] { visit("the service"); });
  for (const Token& token : {alice(), bob()}) {
    for (const Posture posture : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
      on_thread([&] {
        const Impersonation as{in_posture(token, posture)};
        visit(token.name() + " in " + std::string{to_string(posture)});
      });
    }
  }
}

class A_child : public ::testing::TestWithParam<ServiceKind> {};

TEST_P(A_child, is_all_of_its_user_whoever_calls) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              std::signal(SIGPIPE, SIG_IGN);
              std::signal(SIGUSR1, [](int) {});
              sigset_t blocked;
              sigemptyset(&blocked);
              sigaddset(&blocked, SIGTERM);
              sigaddset(&blocked, SIGRTMIN);
              ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
              ::umask(0777);
              start(GetParam());
              SpawnOptions options;
              // This one may not drop from the bounding set (CAP_SETPCAP).
              const bool bounded = GetParam() != ServiceKind::account;
              if (!bounded) options.bounding_set = BoundingSet::of_service;
              const auto look = [&](const std::string& when) {
                const KernelView before = kernel_view();
                must_be_all_of(text_of(alice(), {"cat", "/proc/self/status"}, options), "3001", "3100", bounded, when);
                must_be_all_of(text_of(in_posture(bob(), Posture::effective), {"cat", "/proc/self/status"}, options),
                               "3002", "3200", bounded, when);
                must_be(kernel_view(), before, when + ", afterwards");
              };
              look("the main thread");
              worn_in_every_way(look);
            }),
            "");
}

TEST_P(A_child, does_not_get_back) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(GetParam());
              SpawnOptions options;
              if (GetParam() == ServiceKind::account) options.bounding_set = BoundingSet::of_service;
              const std::vector<std::string> tries = {
                  "/usr/bin/perl", "-e",
                  "$( = 0; $) = 0; $< = 0; $> = 0; $< = 3003; $> = 3003; print \"$< $> \" . (split ' ', $))[0]"};
              worn_in_every_way([&](const std::string& when) {
                must_be_word(text_of(alice(), tries, options), "3001 3001 3001", when);
              });
            }),
            "");
}

std::string suffix(const ::testing::TestParamInfo<ServiceKind>& service) {
  constexpr std::array<const char*, 3> names = {"root", "account", "unfixed_root"};
  return names[static_cast<std::size_t>(service.param)];
}

INSTANTIATE_TEST_SUITE_P(Services, A_child,
                         ::testing::Values(ServiceKind::root, ServiceKind::account, ServiceKind::unfixed), suffix);

TEST(A_child_s_surroundings, are_those_of_a_log_in) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              ::setenv("SECRET_OF_SERVICE", "1", 1);
              ::setenv("LD_LIBRARY_PATH", "/of/the/service", 1);
              start(ServiceKind::root);
              const int open_of_service = ::open("/etc/passwd", O_RDONLY);
              must(open_of_service >= 3, "open");
              must(::dup2(open_of_service, 77) == 77, "dup2");
              pid_t pid = 0;
              pid_t group = 0;
              pid_t session = 0;

              const std::string variables = text_of(alice(), {"env"});
              must(variables.find("SERVICE") == std::string::npos && variables.find("LD_") == std::string::npos,
                   "the service's environment: " + variables);
              for (const std::string& wanted : {"HOME=" + household.home("alice"), std::string{"USER=alice"},
                                                std::string{"LOGNAME=alice"}, std::string{"SHELL=/bin/sh"}}) {
                must(variables.find(wanted + "\n") != std::string::npos, "no " + wanted + " in " + variables);
              }
              must_be_word(text_of(alice(), {"pwd"}), household.home("alice") + "\n", "directory");
              // ls has its own descriptor of the directory.
              must_be_word(text_of(alice(), {"ls", "/proc/self/fd"}), "0\n1\n2\n3\n", "descriptors");
              must_be_word(text_of(alice(), {"readlink", "/proc/self/fd/0"}), "/dev/null\n", "input");
              const std::string stat = text_of(alice(), {"cut", "-d ", "-f1,5,6", "/proc/self/stat"});
              std::istringstream(stat) >> pid >> group >> session;
              must(pid == group && pid == session, "pid, group and session: " + stat);
            }),
            "");
}

TEST(A_child_s_surroundings, are_as_the_options_say) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              SpawnOptions options;
              options.environment = {"HOME=/elsewhere", "TOPIC=a=b"};
              options.directory = "/usr/bin";
              options.umask = 0077;
              options.no_new_privileges = true;
              options.bounding_set = BoundingSet::of_service;
              options.limits = {{RLIMIT_NOFILE, {64, 128}}, {RLIMIT_CORE, {0, 0}}};
              const std::string variables = text_of(alice(), {"env"}, options);
              must(variables.find("HOME=/elsewhere\n") != std::string::npos, variables);
              must(variables.find("TOPIC=a=b\n") != std::string::npos, variables);
              must(variables.find("HOME=/home") == std::string::npos, "HOME twice");
              must_be_word(text_of(alice(), {"pwd"}, options), "/usr/bin\n", "directory");
              const std::string status = text_of(alice(), {"cat", "/proc/self/status"}, options);
              must_be_word(field(status, "Umask"), "0077", "umask");
              must_be_word(field(status, "NoNewPrivs"), "1", "no new privileges");
              must(field(status, "CapBnd") != "0000000000000000", "the bounding set was emptied");
              must_be_word(text_of(alice(), {"/bin/sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -Hc"}, options),
                           "64\n128\n0\n", "limits");
            }),
            "");
}

TEST(Descriptors_given, are_the_child_s_by_the_numbers_asked_for_and_no_others_are) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              int pipes[4][2];
              for (auto& each : pipes) must(::pipe2(each, O_CLOEXEC | O_NONBLOCK) == 0, "pipe");
              // Numbers that cross: what one is here the other is there.
              SpawnOptions options;
              options.descriptors = {{pipes[0][1], pipes[1][1]}, {pipes[1][1], pipes[0][1]}, {pipes[2][1], 3}};
              options.error = Stream::of(pipes[3][1]);
              const std::string there = std::to_string(pipes[1][1]);
              const std::string crossed = std::to_string(pipes[0][1]);
              const std::string command =
                  "echo zero >&" + there + "; echo one >&" + crossed + "; echo two >&3; echo error >&2";
              // Not sh: of more than one digit, where who started the tests has left descriptors open, it makes a word.
              (void)text_of(alice(), {"/bin/bash", "-c", command}, options);
              const char* const wanted[] = {"zero\n", "one\n", "two\n", "error\n"};
              for (int i = 0; i < 4; ++i) {
                char text[16] = {};
                must(::read(pipes[i][0], text, sizeof text) > 0, "read");
                must_be_word(text, wanted[i], "pipe " + std::to_string(i));
              }
              const auto invalid = [&](const std::vector<GivenDescriptor>& given) {
                SpawnOptions bad;
                bad.descriptors = given;
                try {
                  (void)spawn(alice(), {"true"}, bad);
                } catch (const std::invalid_argument&) {
                  return true;
                }
                return false;
              };
              must(invalid({{0, 1}}) && invalid({{0, 5}, {1, 5}}) && invalid({{0, -1}}), "a number given twice");
            }),
            "");
}

long key_control(int operation, long a, long b) {
  return ::syscall(SYS_keyctl, operation, a, b, 0L, 0L);
}

TEST(The_session_keyring, is_the_child_s_own) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(key_control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0) > 0, "join");
              must(::syscall(SYS_add_key, "user", "behalf-of-the-service", "secret", 6, KEY_SPEC_SESSION_KEYRING) > 0,
                   "add_key");
              start(ServiceKind::root);
              const auto look = [](const std::string& when) {
                const std::string keys = text_of(alice(), {"cat", "/proc/keys"});
                must(keys.find("behalf-of-the-service") == std::string::npos, when + ": the service's key: " + keys);
                must(keys.find("_ses") != std::string::npos, when + ": no session keyring: " + keys);
                must(keys.find("_uid.3001") != std::string::npos, when + ": no user keyring: " + keys);
              };
              look("the main thread");
              worn_in_every_way(look);
            }),
            "");
}

TEST(A_program_that_cannot_be_executed, is_no_child_and_the_error_says_why) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              const auto refused_to = [](const std::vector<std::string>& argv, SpawnOptions options = {}) {
                try {
                  (void)spawn(alice(), argv, options);
                } catch (const SpawnError& error) {
                  must(std::string{error.what()}.find("alice") != std::string::npos, error.what());
                  return std::string{error.step()} + ": " + std::to_string(error.error_number());
                }
                return std::string{"begun"};
              };
              must_be_word(refused_to({"no-such-program"}), "execute the program: 2", "not in PATH");
              must_be_word(refused_to({"/no/such/program"}), "execute the program: 2", "not there");
              must_be_word(refused_to({"/etc/passwd"}), "execute the program: 13", "not executable");
              must_be_word(refused_to({household.script("bob", "run", "#!/bin/sh\n")}), "execute the program: 13",
                           "in bob's home");
              must_be_word(refused_to({household.script("alice", "bare", "echo no interpreter\n")}),
                           "execute the program: 8", "a script without interpreter: no shell steps in");
              SpawnOptions elsewhere;
              elsewhere.directory = household.home("bob");
              must_be_word(refused_to({"true"}, elsewhere), "enter the directory: 13", "bob's home");
              must(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "a child was left");

              // Looked for as the user: what she may not execute is passed over.
              household.script("bob", "hello", "#!/bin/sh\necho bob\n");
              household.script("alice", "hello", "#!/bin/sh\necho alice\n");
              SpawnOptions path;
              path.environment = {"PATH=" + household.home("bob") + "::.:" + household.home("alice")};
              must_be_word(text_of(alice(), {"hello"}, path), "alice\n", "found");
              must_be_word(refused_to({"true"}, path), "execute the program: 13", "told what could not be looked into");
            }),
            "");
}

TEST(Spawn, refuses_what_is_no_user_and_no_program) {
  EXPECT_EQ(
      in_own_process([] {
        const Household household;
        must(refused(Error::Reason::not_initialized,
                     [] { (void)spawn(Token::from_ids(alice_id, alice_id, {}), {"true"}); }),
             "before initialize()");
        start(ServiceKind::root);
        must(refused(Error::Reason::invalid_id, [] { (void)spawn(Token::of_process(), {"true"}); }), "the service");
        must(refused(Error::Reason::level_too_low,
                     [] { (void)spawn(alice().with_level(Level::identification), {"true"}); }),
             "a token to look at");
        must(refused(Error::Reason::unknown_user, [] { (void)spawn(Token::from_ids(59999, 59999, {}), {"true"}); }),
             "a user without account");
        for (const std::vector<std::string>& argv :
             {std::vector<std::string>{}, {""}, {"true", std::string{"a\0b", 3}}}) {
          bool invalid = false;
          try {
            (void)spawn(alice(), argv);
          } catch (const std::invalid_argument&) {
            invalid = true;
          }
          must(invalid, "a program that is none");
        }
      }),
      "");
}

TEST(A_child_without_the_bounding_set, is_refused_to_a_service_that_cannot_empty_it) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::account);
              try {
                (void)spawn(alice(), {"true"});
                must(false, "begun");
              } catch (const SpawnError& error) {
                must(error.reason() == Error::Reason::not_permitted && error.step() == "empty the bounding set",
                     error.what());
                must(std::string{error.what()}.find("CAP_SETPCAP") != std::string::npos, error.what());
              }
            }),
            "");
}

// What is not in the bounding set of the service needs no CAP_SETPCAP to be dropped.
TEST(A_child_without_the_bounding_set, is_had_from_a_service_that_has_none_either) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              for (unsigned long number = 0; ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0;) ++number;
              Options options;
              options.keep_capabilities = 0;  // but those to set ids: without CAP_SETPCAP
              start(ServiceKind::root, options);
              const std::string status = text_of(alice(), {"cat", "/proc/self/status"});
              must_be_all_of(status, "3001", "3100", true, "a service without bounding set");
            }),
            "");
}

TEST(A_child_s_end, is_told_as_it_was) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              must(spawn(alice(), {"/bin/sh", "-c", "exit 7"}).wait() == ExitStatus{7, 0}, "a code");
              const ExitStatus killed = spawn(alice(), {"/bin/sh", "-c", "kill -TERM $$"}).wait();
              must(killed == ExitStatus{0, SIGTERM} && killed.as_of_shell() == 128 + SIGTERM, "a signal");

              SpawnOptions options;
              options.input = Stream::pipe();
              options.output = Stream::pipe();
              Child cat = spawn(alice(), {"cat"}, options);
              must(!cat.wait_for(20ms), "ended by itself");
              must(::write(cat.input().get(), "hello", 5) == 5, "write");
              cat.input() = Descriptor();
              must_be_word(read_all(cat.output()), "hello", "through pipes");
              must(cat.wait_for(10s) == ExitStatus{}, "did not end");
              must(refused(Error::Reason::not_there, [&] { (void)cat.wait(); }), "waited for twice");
              must(refused(Error::Reason::not_there, [&] { cat.signal(SIGTERM); }), "a signal to one that has ended");

              Child sleeper = spawn(alice(), {"sleep", "60"});
              sleeper.signal(SIGINT);
              must(sleeper.wait() == ExitStatus{0, SIGINT}, "a signal sent");
              // Its whole group ends.
              Child family = spawn(alice(), {"/bin/sh", "-c", "sleep 60 & echo; wait"}, options);
              char line = 0;
              must(::read(family.output().get(), &line, 1) == 1, "read");
              must(family.end() == ExitStatus{0, SIGKILL}, "ended");
              must(read_all(family.output()).empty(), "somebody of the group goes on");
            }),
            "");
}

// A service that ignores SIGCHLD has its children's statuses thrown away; why there is no child it is told all the
// same.
TEST(A_program_that_cannot_be_executed, is_told_of_where_nobody_waits_for_children) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              must(std::signal(SIGCHLD, SIG_IGN) != SIG_ERR, "signal");
              try {
                (void)spawn(alice(), {"/nowhere/at/all"});
                must(false, "it was begun");
              } catch (const SpawnError& error) {
                must(error.step() == SpawnError::execution && error.error_number() == ENOENT, error.what());
              }
            }),
            "");
}

TEST(A_child_s_end, is_waited_for_as_long_as_one_can_say) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              Child child = spawn(alice(), {"/bin/sh", "-c", "sleep 0.2; exit 7"});
              must(child.wait_for(std::chrono::milliseconds::max()) == ExitStatus{7, 0}, "it goes on");
            }),
            "");
}

// By the objects: what is not waited for is ended, what is released goes on.
TEST(A_child_that_nobody_waited_for, ends_with_its_object_unless_it_was_released) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              pid_t pid = 0;
              {
                const Child child = spawn(alice(), {"sleep", "60"});
                pid = child.pid();
              }
              must(::kill(pid, 0) == -1 && errno == ESRCH, "it goes on");
              const Descriptor pidfd = [&] {
                Child child = spawn(alice(), {"sleep", "60"});
                pid = child.pid();
                return child.release();
              }();
              must(::kill(pid, 0) == 0, "it was ended");
              must(::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == 0, "kill");
              must(::waitpid(pid, nullptr, 0) == pid, "wait");
            }),
            "");
}

// A service that is not root may not signal a user's process; the user may.
TEST(A_child, is_ended_by_a_service_that_is_not_root) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::account);
              SpawnOptions options;
              options.bounding_set = BoundingSet::of_service;
              Child child = spawn(alice(), {"sleep", "60"}, options);
              must(::kill(child.pid(), SIGKILL) == -1 && errno == EPERM, "the service may do it");
              must(child.end() == ExitStatus{0, SIGKILL}, "ended");
            }),
            "");
}

TEST(A_terminal, is_the_child_s_and_the_user_s) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              SpawnOptions options;
              options.terminal = true;
              Child child = spawn(
                  alice(),
                  {"/bin/sh", "-c", "stat -Lc %u /proc/self/fd/0 && echo hi >/dev/tty && readlink /proc/self/fd/1"},
                  options);
              const std::string text = read_all(child.terminal());
              must(child.wait().success(), text);
              must(text.starts_with("3001\r\nhi\r\n/dev/pts/"), text);
            }),
            "");
}

TEST(Many_threads, start_children_of_many_users_at_once) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              std::atomic<int> wrong{0};
              std::atomic<bool> more{true};
              // One that has nothing to do with it allocates and is interrupted all the time.
              std::thread busy([&] {
                while (more) std::vector<std::string>(100, std::string(100, 'x'));
              });
              std::vector<std::thread> threads;
              for (int number = 0; number < 16; ++number) {
                threads.emplace_back([&, number] {
                  std::optional<Impersonation> as;
                  const Token own = number % 2 == 0 ? alice() : bob();
                  if (number % 4 < 2) as.emplace(in_posture(own, number % 8 < 4 ? Posture::full : Posture::shielded));
                  for (int i = 0; i < 12; ++i) {
                    const Token& user = i % 2 == 0 ? alice() : bob();
                    try {
                      if (text_of(user, {"id", "-ru"}) != std::to_string(user.uid()) + "\n") ++wrong;
                    } catch (const std::exception&) {
                      ++wrong;
                    }
                  }
                });
              }
              for (std::thread& thread : threads) thread.join();
              more = false;
              busy.join();
              must_equal(wrong.load(), 0, "children that were wrong");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
