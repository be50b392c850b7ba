// What the running kernel does with a thread's parent-death signal: each line of the table in tripwire.h.
#include "identity/tripwire.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "child.h"
#include "faulty_calls.h"
#include "identity/credentials.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

using detail::Tripwire;

template <class... Arguments>
void call(long number, Arguments... arguments) {
  must(::syscall(number, arguments...) >= 0, "system call " + std::to_string(number) + " fails");
}

constexpr uid_t keep = detail::no_id;

void effective_capabilities(std::uint64_t effective, bool drop_permitted = false) {
  detail::CapabilitySets sets;
  must(detail::get_capabilities(detail::kernel_calls, sets) == 0, "capget");
  sets.effective = effective & sets.permitted;
  if (drop_permitted) sets.permitted = detail::switching_capabilities;
  sets.effective &= sets.permitted;
  must(detail::set_capabilities(detail::kernel_calls, sets) == 0, "capset");
}

constexpr std::uint64_t all = ~std::uint64_t{0};

struct Change {
  const char* what;
  void (*make)();
  bool cuts;
};

std::ostream& operator<<(std::ostream& out, const Change& change) {
  return out << change.what;
}

const Change of_a_user[] = {
    {"nothing", [] {}, false},
    {"effective uid", [] { call(SYS_setresuid, keep, 0, keep); }, true},
    {"effective uid, and back", [] { call(SYS_setresuid, keep, 0, keep), call(SYS_setresuid, keep, alice_id, keep); },
     true},
    {"effective gid", [] { call(SYS_setresgid, keep, 0, keep); }, true},
    {"effective gid, and back", [] { call(SYS_setresgid, keep, 0, keep), call(SYS_setresgid, keep, alice_id, keep); },
     true},
    {"fsuid", [] { (void)::syscall(SYS_setfsuid, 0); }, true},
    {"fsuid, and back", [] { (void)::syscall(SYS_setfsuid, 0), (void)::syscall(SYS_setfsuid, alice_id); }, true},
    {"fsgid", [] { (void)::syscall(SYS_setfsgid, 0); }, true},
    {"fsgid, and back", [] { (void)::syscall(SYS_setfsgid, 0), (void)::syscall(SYS_setfsgid, alice_id); }, true},
    {"groups, through the service",
     [] {
       call(SYS_setresuid, keep, 0, keep);
       call(SYS_setgroups, 0, nullptr);
       call(SYS_setresuid, keep, alice_id, keep);
     },
     true},
    {"another user, by capabilities",
     [] { effective_capabilities(all), call(SYS_setresuid, keep, bob_id, keep), effective_capabilities(0); }, true},
    {"the ids that are", [] { call(SYS_setresuid, alice_id, alice_id, 0), call(SYS_setresgid, keep, keep, keep); },
     false},
    {"a change that is refused", [] { must(::syscall(SYS_setresuid, keep, bob_id, keep) == -1, "it was not"); }, false},
    {"real uid", [] { call(SYS_setresuid, 0, keep, keep); }, false},
    {"real gid", [] { call(SYS_setresgid, 0, keep, keep); }, false},
    {"saved uid", [] { call(SYS_setresuid, keep, keep, alice_id); }, false},
    {"saved gid", [] { call(SYS_setresgid, keep, keep, alice_id); }, false},
    {"effective capabilities", [] { effective_capabilities(all); }, false},
    {"effective capabilities, and back", [] { effective_capabilities(all), effective_capabilities(0); }, false},
    {"permitted capabilities dropped", [] { effective_capabilities(0, true); }, false},
    {"groups, by capabilities",
     [] { effective_capabilities(all), call(SYS_setgroups, 0, nullptr), effective_capabilities(0); }, false},
    {"session keyring", [] { (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); }, false},
};

const Change of_the_service[] = {
    {"groups", [] { call(SYS_setgroups, 0, nullptr); }, false},
    {"effective capabilities dropped, and raised", [] { effective_capabilities(0), effective_capabilities(all); },
     false},
    {"effective uid, and back", [] { call(SYS_setresuid, keep, bob_id, keep), call(SYS_setresuid, keep, 0, keep); },
     true},
};

void be_alice() {
  call(SYS_setgroups, 1, &alice_id);
  call(SYS_setresgid, alice_id, alice_id, 0);
  call(SYS_setresuid, alice_id, alice_id, 0);
}

void must_be_cut_or_not(const Change& change) {
  Tripwire wire;
  wire.lay(detail::kernel_calls);
  must(wire.intact(detail::kernel_calls), "it is not laid");
  change.make();
  must(wire.intact(detail::kernel_calls) != change.cuts, change.cuts ? "it is not cut" : "it is cut");
  must(wire.is_laid() != change.cuts, "what has been learned is not remembered");
}

class A_wire_of_a_user : public ::testing::TestWithParam<Change> {};
TEST_P(A_wire_of_a_user, is_cut_by_a_change_that_the_table_says) {
  EXPECT_EQ(in_own_process([] { on_thread([] { be_alice(), must_be_cut_or_not(GetParam()); }); }), "");
}
INSTANTIATE_TEST_SUITE_P(Table, A_wire_of_a_user, ::testing::ValuesIn(of_a_user));

class A_wire_of_the_service : public ::testing::TestWithParam<Change> {};
TEST_P(A_wire_of_the_service, is_cut_by_a_change_that_the_table_says) {
  EXPECT_EQ(in_own_process([] { on_thread([] { must_be_cut_or_not(GetParam()); }); }), "");
}
INSTANTIATE_TEST_SUITE_P(Table, A_wire_of_the_service, ::testing::ValuesIn(of_the_service));

int signal_now() {
  int signal = -1;
  call(SYS_prctl, PR_GET_PDEATHSIG, &signal, 0L, 0L, 0L);
  return signal;
}

TEST(A_wire, is_one_threads_and_nobody_is_born_with_it) {
  EXPECT_EQ(in_own_process([] {
              Tripwire wire;
              wire.lay(detail::kernel_calls);
              on_thread([] {
                must_equal(signal_now(), 0, "a thread's");
                call(SYS_setresuid, keep, bob_id, keep);
              });
              must(wire.intact(detail::kernel_calls), "another thread has cut it");
              const pid_t child = ::fork();
              if (child == 0) ::_exit(signal_now());
              int end = -1;
              must(::waitpid(child, &end, 0) == child && end == 0, "a child has it");
            }),
            "");
}

TEST(A_wire, does_not_take_the_place_of_somebody_elses_signal) {
  EXPECT_EQ(in_own_process([] {
              on_thread([] {
                call(SYS_prctl, PR_SET_PDEATHSIG, SIGTERM, 0L, 0L, 0L);
                Tripwire wire;
                wire.lay(detail::kernel_calls);
                must(!wire.is_laid() && !wire.intact(detail::kernel_calls), "it is laid");
                must_equal(signal_now(), SIGTERM, "theirs");
                call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0L, 0L, 0L);
                wire.lay(detail::kernel_calls);
                call(SYS_prctl, PR_SET_PDEATHSIG, SIGTERM, 0L, 0L, 0L);
                must(!wire.intact(detail::kernel_calls), "it is taken for ours");
              });
            }),
            "");
}

// A seccomp filter that refuses prctl(2), or makes it lie.
TEST(A_wire, that_cannot_be_asked_about_is_cut) {
  EXPECT_EQ(in_own_process([] {
              for (const bool lies : {false, true}) {
                for (const long first : {0L, 1L, 2L}) {
                  on_thread([&] {
                    detail::SystemCalls calls = detail::kernel_calls;
                    static thread_local long number;
                    static thread_local long wrong;
                    static thread_local long result;
                    number = 0;
                    wrong = first;
                    result = lies ? 0 : -EPERM;
                    calls.prctl = [](int option, unsigned long a, unsigned long b) noexcept {
                      return number++ == wrong ? result : detail::kernel_calls.prctl(option, a, b);
                    };
                    Tripwire wire;
                    wire.lay(calls);
                    must(!wire.intact(calls), "it is intact");
                  });
                }
              }
            }),
            "");
}

// The thread that started it ends: the signal comes, and does nothing.
TEST(A_wire, that_is_set_off_by_the_end_of_a_thread_harms_nobody) {
  EXPECT_EQ(in_own_process([] {
              int ready[2];
              int told[2];
              must(::pipe(ready) == 0 && ::pipe(told) == 0, "pipe");
              pid_t child = -1;
              on_thread([&] {
                child = ::fork();
                if (child != 0) {
                  char byte = 0;
                  must(::read(ready[0], &byte, 1) == 1, "it is not ready");
                  return;
                }
                Tripwire wire;
                wire.lay(detail::kernel_calls);
                (void)!::write(ready[1], "x", 1);
                char byte = 0;
                (void)!::read(told[0], &byte, 1);
                ::_exit(wire.intact(detail::kernel_calls) && byte == 'x' ? 0 : 1);
              });
              ::usleep(20'000);  // the signal is there by then
              must(::write(told[1], "x", 1) == 1, "write");
              int end = -1;
              must(::waitpid(child, &end, 0) == child && end == 0, "it ended: " + std::to_string(end));
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
