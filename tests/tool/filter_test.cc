// The generated seccomp program, interpreted here for every call number, says what the table says.
#include "trace/filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "trace/system_call_table.h"

namespace behalf::tool::testing {
namespace {

#if defined(__x86_64__)
constexpr unsigned native = AUDIT_ARCH_X86_64, foreign[] = {AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, ~0U};
#else
constexpr unsigned native = AUDIT_ARCH_AARCH64, foreign[] = {AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64, 0, ~0U};
#endif

// The classic BPF that seccomp accepts, as far as our generator uses it; anything else fails the test.
unsigned interpret(const std::vector<sock_filter>& code, const seccomp_data& data) {
  unsigned a = 0, x = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const sock_filter& step = code[at];
    const auto jump = [&](bool yes) { at += yes ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k % 4 != 0 || step.k + 4 > sizeof data) throw std::out_of_range("load");
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + step.k, 4);
        break;
      case BPF_LD | BPF_IMM:
        a = step.k;
        break;
      case BPF_MISC | BPF_TAX:
        x = a;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= step.k;
        break;
      case BPF_ALU | BPF_RSH | BPF_X:
        a = x < 32 ? a >> x : throw std::out_of_range("shift");
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(a == step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(a >= step.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        jump((a & step.k) != 0);
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        throw std::logic_error("an instruction that the interpreter does not know: " + std::to_string(step.code));
    }
  }
  throw std::out_of_range("ran off the end");
}

seccomp_data call(int number, std::array<std::uint64_t, 6> arguments = {}, unsigned architecture = native) {
  seccomp_data data{};
  data.nr = number;
  data.arch = architecture;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return data;
}

bool traced(const std::vector<sock_filter>& code, const seccomp_data& data) {
  const unsigned answer = interpret(code, data);
  EXPECT_TRUE(answer == SECCOMP_RET_TRACE || answer == SECCOMP_RET_ALLOW) << answer;
  return answer == SECCOMP_RET_TRACE;
}

// What the table means, said a second time and independently of the generator.
bool wanted(int number, std::uint64_t first, bool handoffs) {
  const SystemCall* const entry = find_system_call(number);
  if (entry == nullptr) return false;
  if (entry->role == Role::causal || (entry->role == Role::output && handoffs)) return handoffs;
  switch (number) {
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
      return static_cast<unsigned>(first) == 1;
    case SYS_prctl:
      for (const unsigned long option : {mark_option, 8UL, 24UL, 28UL, 38UL, 47UL})
        if (static_cast<unsigned>(first) == option) return true;
      return false;
    default:
      return true;
  }
}

const std::uint64_t first_arguments[] = {0,  1,  2,           3,  8,     24,         28,
                                         38, 47, mark_option, 15, ~0ULL, 1ULL << 32, (1ULL << 32) + 1};

// With and without the calls by which threads hand work to each other.
class Filter : public ::testing::TestWithParam<bool> {
 protected:
  const std::vector<sock_filter> code = make_filter(GetParam());
};
INSTANTIATE_TEST_SUITE_P(, Filter, ::testing::Values(false, true),
                         [](const auto& one) { return one.param ? "with_handoffs" : "without"; });

TEST_P(Filter, stops_at_the_calls_of_the_table_and_at_no_other) {
  for (int number = 0; number <= 600; ++number)
    for (const std::uint64_t first : first_arguments)
      EXPECT_EQ(traced(code, call(number, {first, 1, 2, 3, 4, 5})), wanted(number, first, GetParam()))
          << number << "(" << first << ")";
  for (const int number : {1023, 4096, 0x3fffffff}) EXPECT_FALSE(traced(code, call(number))) << number;
}

TEST_P(Filter, looks_at_no_argument_but_the_one_that_decides) {
  for (int number = 0; number <= 600; ++number)
    for (const std::uint64_t first : first_arguments)
      EXPECT_EQ(traced(code, call(number, {first, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL})),
                traced(code, call(number, {first})))
          << number;
}

TEST_P(Filter, stops_at_every_call_through_a_foreign_door) {
  for (int number = 0; number <= 600; ++number) {
    for (const unsigned architecture : foreign) EXPECT_TRUE(traced(code, call(number, {}, architecture))) << number;
    EXPECT_TRUE(traced(code, call(number | 0x40000000))) << number;
  }
  EXPECT_TRUE(traced(code, call(-1)));
}

TEST_P(Filter, knows_the_calls_that_change_or_depend_on_identity) {
  for (const int number : {SYS_setuid, SYS_setresuid, SYS_setfsuid, SYS_setgroups, SYS_capset, SYS_openat, SYS_execve,
                           SYS_connect, SYS_kill, SYS_clone, SYS_clone3, SYS_io_uring_enter, SYS_timer_settime,
                           SYS_sched_getaffinity, SYS_unlinkat, SYS_faccessat2, SYS_keyctl, SYS_msgget, SYS_shmget})
    EXPECT_TRUE(traced(code, call(number))) << number;
  for (const int number : {SYS_close, SYS_mmap, SYS_getuid, SYS_nanosleep, SYS_exit_group})
    EXPECT_FALSE(traced(code, call(number))) << number;
  for (const int number : {SYS_read, SYS_futex, SYS_recvmsg})
    EXPECT_EQ(traced(code, call(number)), GetParam()) << number;
}

TEST_P(Filter, is_accepted_by_the_kernel_and_a_call_without_a_tracer_fails) {
  EXPECT_LT(code.size(), static_cast<std::size_t>(BPF_MAXINSNS));
  const pid_t child = fork();
  if (child == 0) {
    if (install_filter(code) != 0) _exit(1);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) _exit(2);
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != ENOSYS) _exit(3);
    if (getppid() <= 0) _exit(4);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Table, has_each_call_once_and_arguments_that_exist) {
  std::array<int, 1024> seen{};
  for (const SystemCall& entry : system_calls()) {
    EXPECT_EQ(++seen.at(static_cast<std::size_t>(entry.number)), 1) << entry.name;
    EXPECT_EQ(find_system_call(entry.number), &entry);
    EXPECT_LT(entry.at, 6) << entry.name;
    EXPECT_EQ(entry.object == Object::none, entry.at < 0) << entry.name;
    EXPECT_EQ(entry.object == Object::path_at, entry.directory >= 0) << entry.name;
    EXPECT_EQ(entry.role == Role::effect, entry.decides != Decides::none) << entry.name;
  }
  EXPECT_EQ(find_system_call(-1), nullptr);
  EXPECT_EQ(find_system_call(100000), nullptr);
}

}  // namespace
}  // namespace behalf::tool::testing
