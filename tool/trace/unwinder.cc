#include "trace/unwinder.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <unistd.h>

#include <algorithm>

#include <cstdlib>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "trace/memory.h"

namespace behalf::tool {
namespace {

constexpr std::size_t deepest = 64;

// Whose stack is being unwound: libdwfl asks for a module's file without saying for which process.
thread_local pid_t unwound_process = 0;

// Modules are opened through the tracee's own root: their paths mean nothing in ours.
int find_module(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, char** path, Elf** elf) {
  if (name != nullptr && name[0] == '/') {
    const std::string inside = fmt::format("/proc/{}/root{}", unwound_process, name);
    const int fd = open(inside.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
      *path = strdup(name);
      return fd;
    }
  }
  return dwfl_linux_proc_find_elf(module, data, name, base, path, elf);
}

// Unwinding needs .eh_frame alone; searching for separate debug files, or asking a server for them, would cost seconds.
int find_no_debug_file(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word, char**) {
  return -1;
}

const Dwfl_Callbacks callbacks = {find_module, find_no_debug_file, nullptr, nullptr};

}  // namespace

struct Unwinder::Process {
  Dwfl* dwfl = nullptr;
  pid_t process = 0;
  ~Process() {
    if (dwfl != nullptr) dwfl_end(dwfl);
  }
};

Unwinder::Unwinder() {
  unsetenv("DEBUGINFOD_URLS");  // libdwfl would ask there for a module that it cannot open: a wait on the network
}
Unwinder::~Unwinder() = default;

void Unwinder::forget(pid_t process) {
  if (process_ && process_->process == process) process_.reset();
}

Stack Unwinder::unwind_maker(pid_t process, pid_t tid) {
  Stack stack = unwind(process, tid);
#if defined(__x86_64__)
  // glibc's clone3 and clone end the stack at their system call, for the child's sake (.cfi_undefined rip), and so for
  // the parent's too. They have no frame of their own: the caller is what the stack pointer points to.
  user_regs_struct registers{};
  std::uint64_t caller = 0;
  if (stack.size() > 2 || ptrace(PTRACE_GETREGS, tid, 0, &registers) != 0 || !read_object(tid, registers.rsp, caller))
    return stack;
  user_regs_struct above = registers;
  above.rip = caller;
  above.rsp += sizeof caller;
  if (ptrace(PTRACE_SETREGS, tid, 0, &above) != 0) return stack;
  Stack rest = unwind(process, tid);
  ptrace(PTRACE_SETREGS, tid, 0, &registers);
  stack.resize(std::min<std::size_t>(stack.size(), 1));
  stack.insert(stack.end(), rest.begin(), rest.end());
#endif
  return stack;
}

Stack Unwinder::unwind(pid_t process, pid_t tid) {
  unwound_process = process;
  const auto report = [&](Dwfl* dwfl) {
    dwfl_report_begin_add(dwfl);
    const int result = dwfl_linux_proc_report(dwfl, process);
    dwfl_report_end(dwfl, nullptr, nullptr);
    return result == 0;
  };
  if (!process_ || process_->process != process) {
    process_ = std::make_unique<Process>();
    process_->process = process;
    process_->dwfl = dwfl_begin(&callbacks);
    if (process_->dwfl == nullptr || !report(process_->dwfl) ||
        dwfl_linux_proc_attach(process_->dwfl, process, /*assume_ptrace_stopped=*/true) != 0) {
      process_.reset();
      return {};
    }
  } else {
    report(process_->dwfl);  // libraries may have been loaded since
  }

  struct Walk {
    Stack frames;
    Dwfl* dwfl;
  } walk{{}, process_->dwfl};
  dwfl_getthread_frames(
      process_->dwfl, tid,
      [](Dwfl_Frame* frame, void* data) {
        Walk& into = *static_cast<Walk*>(data);
        Dwarf_Addr pc = 0;
        bool activation = false;
        if (!dwfl_frame_pc(frame, &pc, &activation)) return static_cast<int>(DWARF_CB_ABORT);
        const Dwarf_Addr place = activation ? pc : pc - 1;  // a return address belongs to the call before it
        Dwfl_Module* const module = dwfl_addrmodule(into.dwfl, place);
        Frame found;
        if (module != nullptr) {
          Dwarf_Addr start = 0;
          const char* name = dwfl_module_info(module, nullptr, &start, nullptr, nullptr, nullptr, nullptr, nullptr);
          found.module = name != nullptr ? name : "";
          Dwarf_Addr relative = place;
          dwfl_module_relocate_address(module, &relative);
          found.offset = relative;
        } else {
          found.offset = place;
        }
        into.frames.push_back(std::move(found));
        return into.frames.size() < deepest ? static_cast<int>(DWARF_CB_OK) : static_cast<int>(DWARF_CB_ABORT);
      },
      &walk);
  return std::move(walk.frames);
}

}  // namespace behalf::tool
