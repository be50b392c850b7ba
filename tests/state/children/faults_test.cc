// Every system call of spawn() goes wrong, in every way it can. What must hold: a child that begins is right; where one
// is not, there is none, and the error names the step; the calling thread is as it was.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>
#include <iterator>
#include <set>

#include "behalf/spawn.h"
#include "faulty_calls.h"
#include "household.h"

namespace behalf::testing {
namespace {

SpawnOptions everything() {
  SpawnOptions options;
  options.output = Stream::pipe();
  options.limits = {{RLIMIT_CORE, {0, 0}}};
  options.no_new_privileges = true;
  return options;
}

// What a child that begins tells of itself, all in one place.
const std::vector<std::string> witness = {
    "/bin/sh", "-c", "grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Umask|Sig(Blk|Ign)):' /proc/self/status; pwd"};

std::string told_by_witness() {
  Child child = spawn(alice(), witness, everything());
  (void)disarm();
  const std::string text = read_all(child.output());
  must(child.wait().success(), "the witness failed: " + text);
  return text;
}

// What must be said of a child with that plan on. Returns the step that failed, empty where there was a child.
std::string one_call_goes_wrong(const FaultPlan& plan, const std::string& right) {
  arm(plan);
  try {
    must(told_by_witness() == right, "a child that is not right");
    return {};
  } catch (const SpawnError& error) {
    must(disarm().hit, std::string{"no fault, and yet: "} + error.what());
    must(std::string{error.what()}.find(error.step()) != std::string::npos, error.what());
    // setfsuid(2) reports no error.
    const bool of_fs_ids = error.step() == "read the ids back" && error.error_number() == 0;
    must(plan.silent || of_fs_ids || error.error_number() == plan.error, error.what());
    return std::string{error.step()};
  }
}

void each_call_goes_wrong(FaultPlan plan, std::size_t steps_at_least) {
  EXPECT_EQ(in_own_process([&] {
              const Household household;
              start(ServiceKind::root);
              const std::string right = told_by_witness();
              arm({});
              (void)spawn(alice(), witness, everything()).end();
              const long calls = disarm().calls;
              must(calls > 150, "few calls were counted: " + std::to_string(calls));
              const KernelView before = kernel_view();
              std::set<std::string> steps;
              for (plan.first = 0; plan.first < calls; ++plan.first) {
                try {
                  if (const std::string step = one_call_goes_wrong(plan, right); !step.empty()) steps.insert(step);
                } catch (const std::exception& error) {
                  must(false, "call " + std::to_string(plan.first) + ": " + error.what());
                }
                must_be(kernel_view(), before, "the calling thread, after call " + std::to_string(plan.first));
                must(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "a child was left");
              }
              std::string all;
              for (const std::string& step : steps) all += step + ", ";
              must(steps.size() >= steps_at_least, "only these steps failed: " + all);
            }),
            "");
}

TEST(A_call_that_fails, is_told_by_its_step_and_there_is_no_child) {
  each_call_goes_wrong({.error = EPERM}, 19);
}

TEST(A_call_that_fails, is_told_for_want_of_resources_too) {
  each_call_goes_wrong({.error = EAGAIN}, 19);
}

TEST(A_call_that_claims_success_and_does_nothing, does_no_harm_or_is_found_out) {
  each_call_goes_wrong({.silent = true}, 5);
}

// The step at which a child is given up, where prctl(2) or keyctl(2) lies about this operation.
std::string step_where_lied(const char* call, int operation) {
  static int lied_about = 0;
  lied_about = operation;
  static detail::SystemCalls lying;
  lying = detail::kernel_calls;
  if (std::string{call} == "prctl") {
    lying.prctl = [](int option, unsigned long a, unsigned long b) noexcept {
      return option == lied_about ? 0 : detail::kernel_calls.prctl(option, a, b);
    };
  } else {
    lying.keyctl = [](int option, unsigned long a, unsigned long b) noexcept {
      return option == lied_about ? 1 : detail::kernel_calls.keyctl(option, a, b);
    };
  }
  detail::replace_system_calls(&lying);
  std::string step;
  try {
    (void)told_by_witness();
  } catch (const SpawnError& error) {
    must(error.reason() == Error::Reason::platform && error.error_number() == 0, error.what());
    step = error.step();
  }
  detail::replace_system_calls(nullptr);
  return step;
}

TEST(A_call_that_lies, is_found_out_by_reading_back_what_it_was_to_do) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::unfixed);  // with securebits to reset
              must(step_where_lied("prctl", PR_SET_SECUREBITS) == "reset the securebits", "securebits");
              must(step_where_lied("prctl", PR_CAPBSET_DROP) == "read the capabilities back", "bounding set");
              must(step_where_lied("prctl", PR_SET_NO_NEW_PRIVS) == "refuse new privileges", "no new privileges");
              must(step_where_lied("keyctl", KEYCTL_JOIN_SESSION_KEYRING) == "join a session keyring", "keyring");
            }),
            "");
}

void forbid_to_read_bounding_set() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_CAPBSET_READ, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "PR_SET_SECCOMP");
}

TEST(A_bounding_set_that_cannot_be_read, is_not_taken_to_be_empty) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              forbid_to_read_bounding_set();
              try {
                (void)told_by_witness();
                must(false, "begun");
              } catch (const SpawnError& error) {
                must(error.step() == "read the bounding set" && error.error_number() == EPERM, error.what());
              }
            }),
            "");
}

TEST(A_terminal_that_cannot_be_taken, is_told_by_its_step) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              static detail::SystemCalls failing = detail::kernel_calls;
              failing.ioctl = [](int, unsigned long, unsigned long) noexcept -> long { return -ENOTTY; };
              detail::replace_system_calls(&failing);
              SpawnOptions options;
              options.terminal = true;
              try {
                on_thread([&] { (void)spawn(alice(), {"true"}, options); });
                must(false, "begun");
              } catch (const SpawnError& error) {
                must(error.step() == "take the terminal" && error.error_number() == ENOTTY, error.what());
              }
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
