#include "trace/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <map>

#include "trace/system_call_table.h"

namespace behalf::tool {
namespace {

#if defined(__x86_64__)
constexpr unsigned native = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned native = AUDIT_ARCH_AARCH64;
#else
#error "behalf's tracer knows x86-64 and 64-bit ARM"
#endif

constexpr unsigned short load = BPF_LD | BPF_W | BPF_ABS;
constexpr unsigned short equal = BPF_JMP | BPF_JEQ | BPF_K;
constexpr unsigned short at_least = BPF_JMP | BPF_JGE | BPF_K;
constexpr unsigned short finish = BPF_RET | BPF_K;

// The low half of an argument: our two architectures are little-endian.
constexpr unsigned argument(int n) {
  return static_cast<unsigned>(offsetof(seccomp_data, args) + 8 * static_cast<unsigned>(n));
}

// A call that matters only when an argument has one of a few values.
struct Condition {
  int argument;
  std::vector<unsigned> values;
};

const std::map<int, Condition>& conditions() {
  static const std::map<int, Condition> table = {
      // Marks, and what changes a thread's powers (prctl(2)).
      {SYS_prctl,
       {0,
        {static_cast<unsigned>(mark_option), PR_SET_SECUREBITS, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_CAP_AMBIENT,
         PR_SET_NO_NEW_PRIVS}}},
      {SYS_write, {0, {1}}},
      {SYS_writev, {0, {1}}},
      {SYS_sendto, {0, {1}}},
  };
  return table;
}

}  // namespace

std::vector<sock_filter> make_filter(bool handoffs) {
  std::vector<sock_filter> code;
  const auto emit = [&code](unsigned short op, unsigned k, unsigned char yes = 0, unsigned char no = 0) {
    code.push_back({op, yes, no, k});
  };
  constexpr unsigned stop = SECCOMP_RET_TRACE, allow = SECCOMP_RET_ALLOW;

  emit(load, offsetof(seccomp_data, arch));
  emit(equal, native, 1, 0);
  emit(finish, stop);
  emit(load, offsetof(seccomp_data, nr));
  // x32 calls wear x86-64's architecture and a bit of their own.
  emit(at_least, 0x40000000U, 0, 1);
  emit(finish, stop);

  // One word of 32 bits for each run of 32 numbers: X = bit of the number, A = the word (as strace's second generator).
  std::map<unsigned, unsigned> words;
  for (const SystemCall& call : system_calls()) {
    const bool always = handoffs && call.role == Role::output;
    if ((call.role == Role::causal && !handoffs) || (conditions().contains(call.number) && !always)) continue;
    words[static_cast<unsigned>(call.number) / 32] |= 1U << (static_cast<unsigned>(call.number) % 32);
  }
  for (const auto& [number, condition] : conditions()) {
    if (handoffs && find_system_call(number)->role == Role::output) continue;
    emit(equal, static_cast<unsigned>(number), 0, static_cast<unsigned char>(2 + 2 * condition.values.size()));
    emit(load, argument(condition.argument));
    for (const unsigned value : condition.values) {
      emit(equal, value, 0, 1);
      emit(finish, stop);
    }
    emit(finish, allow);
  }
  for (const auto& [index, bits] : words) {
    // In this run of 32? Then test the bit and finish.
    emit(at_least, index * 32, 0, 8);
    emit(at_least, index * 32 + 32, 7, 0);
    emit(BPF_ALU | BPF_AND | BPF_K, 31);
    emit(BPF_MISC | BPF_TAX, 0);
    emit(BPF_LD | BPF_IMM, bits);
    emit(BPF_ALU | BPF_RSH | BPF_X, 0);
    emit(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
    emit(finish, stop);
    emit(finish, allow);
  }
  emit(finish, allow);
  return code;
}

int install_filter(const std::vector<sock_filter>& filter) {
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : errno;
}

}  // namespace behalf::tool
