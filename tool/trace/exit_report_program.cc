// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
#include "trace/exit_report_program.h"

#include <signal.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "trace/exit_report.h"

namespace behalf::tool {
namespace {

// The kernel's calling convention (Documentation/bpf/standardization/instruction-set.rst): r0 returns, r1 to r5 are
// arguments and lost in a call, r6 to r9 are kept, r10 is the end of the stack.
enum Register : std::uint8_t { r0, r1, r2, r3, r6 = 6, r7, r8, r10 = 10 };

// BPF_FUNC_...: newer than the oldest headers that we build with.
constexpr int read_kernel_memory = 113, read_user_string = 114, send_signal_thread = 117;

class Assembler {
 public:
  void load(Register to, Register from, int at, int size = BPF_DW) { emit(BPF_LDX | BPF_MEM | size, to, from, at, 0); }
  void store(Register to, int at, Register from, int size = BPF_DW) { emit(BPF_STX | BPF_MEM | size, to, from, at, 0); }
  void store_number(Register to, int at, int number) { emit(BPF_ST | BPF_MEM | BPF_DW, to, r0, at, number); }
  void set(Register to, int number) { emit(BPF_ALU64 | BPF_MOV | BPF_K, to, r0, 0, number); }
  void set_sum(Register to, Register from, int number) {
    emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
    add(to, number);
  }
  void add(Register to, int number) { emit(BPF_ALU64 | BPF_ADD | BPF_K, to, r0, 0, number); }
  void add(Register to, Register from) { emit(BPF_ALU64 | BPF_ADD | BPF_X, to, from, 0, 0); }
  void limit(Register to, int mask) { emit(BPF_ALU64 | BPF_AND | BPF_K, to, r0, 0, mask); }
  void multiply(Register to, int number) { emit(BPF_ALU64 | BPF_MUL | BPF_K, to, r0, 0, number); }
  void decrement(Register to, int at) {
    set(r1, -1);
    emit(BPF_STX | BPF_XADD | BPF_DW, to, r1, at, 0);
  }
  void set_map(Register to, int fd) { set_wide(to, BPF_PSEUDO_MAP_FD, fd); }
  void set_value_of(Register to, int fd) { set_wide(to, BPF_PSEUDO_MAP_VALUE, fd); }
  void call(int function) { emit(BPF_JMP | BPF_CALL, r0, r0, 0, function); }
  void skip_if_equal(Register left, int number, int instructions) {
    emit(BPF_JMP | BPF_JEQ | BPF_K, left, r0, instructions, number);
  }
  void end_if_equal(Register left, int number) { to_end(BPF_JEQ, left, number); }
  void end_unless_equal(Register left, int number) { to_end(BPF_JNE, left, number); }
  std::vector<bpf_insn> finish() {
    for (const std::size_t at : to_end_) code_[at].off = static_cast<std::int16_t>(code_.size() - at - 1);
    set(r0, 0);
    emit(BPF_JMP | BPF_EXIT, r0, r0, 0, 0);
    return std::move(code_);
  }

 private:
  void set_wide(Register to, int meaning, int number) {
    emit(BPF_LD | BPF_DW | BPF_IMM, to, static_cast<Register>(meaning), 0, number);
    emit(0, r0, r0, 0, 0);
  }
  void emit(int code, Register to, Register from, int offset, int number) {
    bpf_insn instruction{};
    instruction.code = static_cast<std::uint8_t>(code);
    instruction.dst_reg = to & 0xf;
    instruction.src_reg = from & 0xf;
    instruction.off = static_cast<std::int16_t>(offset);
    instruction.imm = number;
    code_.push_back(instruction);
  }
  void to_end(int condition, Register left, int number) {
    to_end_.push_back(code_.size());
    emit(BPF_JMP | condition | BPF_K, left, r0, 0, number);
  }

  std::vector<bpf_insn> code_;
  std::vector<std::size_t> to_end_;
};

// Where a field stands, from the start of a report's place in the whole.
#define AT(field) static_cast<int>(offsetof(ExitReports, of) + offsetof(ExitReport, field))
constexpr int asked = static_cast<int>(offsetof(ExitReports, asked));

// r7: the report of the calling thread, where one is asked for; r8: where all of them are. Most threads of the machine
// have none, and most of the time none is asked for.
void find_report(Assembler& it, const ExitReportMaps& maps) {
  constexpr int key = -4;  // on the stack
  it.set_value_of(r8, maps.shared);
  it.load(r1, r8, asked);
  it.end_if_equal(r1, 0);
  it.call(BPF_FUNC_get_current_pid_tgid);
  it.store(r10, key, r0, BPF_W);
  it.set_map(r1, maps.threads);
  it.set_sum(r2, r10, key);
  it.call(BPF_FUNC_map_lookup_elem);
  it.end_if_equal(r0, 0);
  it.load(r7, r0, 0, BPF_W);
  it.limit(r7, ExitReports::most - 1);
  it.multiply(r7, sizeof(ExitReport));
  it.add(r7, r8);
  it.load(r1, r7, AT(state));
  it.end_unless_equal(r1, ExitReport::asked);
}

}  // namespace

std::vector<bpf_insn> exit_report_program(const ExitReportMaps& maps, const std::optional<IdsInKernel>& ids) {
  Assembler it;
  it.load(r6, r1, 8);  // the tracepoint's second argument (include/trace/events/syscalls.h): the result
  find_report(it, maps);
  it.store(r7, AT(result), r6);
  it.store_number(r7, AT(stop_sent), 0);
  it.load(r3, r7, AT(path_at));
  it.skip_if_equal(r3, 0, 5);
  it.set_sum(r1, r7, AT(path));
  it.set(r2, PATH_MAX);
  it.call(read_user_string);
  it.store(r7, AT(path_size), r0);
  it.store_number(r7, AT(ids_unread), 1);
  if (ids) {
    constexpr int credentials = -16;  // on the stack
    it.call(BPF_FUNC_get_current_task);
    it.set_sum(r3, r0, static_cast<int>(ids->credentials));
    it.set_sum(r1, r10, credentials);
    it.set(r2, sizeof(void*));
    it.call(read_kernel_memory);
    it.load(r3, r10, credentials);
    it.add(r3, static_cast<int>(ids->ids));
    it.set_sum(r1, r7, AT(ids));
    it.set(r2, sizeof(ExitReport::ids));
    it.call(read_kernel_memory);
    it.store(r7, AT(ids_unread), r0);
  }
  it.store_number(r7, AT(state), ExitReport::answered);
  it.decrement(r8, asked);

  // Refused: where that was is looked at by the tracer, before the thread is back in its program.
  it.skip_if_equal(r6, -EPERM, 1);
  it.end_unless_equal(r6, -EACCES);
  it.set(r1, SIGSTOP);
  it.call(send_signal_thread);
  it.end_unless_equal(r0, 0);
  it.store_number(r7, AT(stop_sent), 1);
  return it.finish();
}

#undef AT

}  // namespace behalf::tool
