// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
// The program that runs in the kernel at the end of every system call. The kernel lends the function that reads a
// string of the calling thread's memory to programs under the GPL alone, so this file, and no other, is offered under
// it too.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace behalf::tool {

inline constexpr const char exit_report_licence[] = "Dual MIT/GPL";

struct ExitReportMaps {
  int threads;  // thread number (u32) -> index of its report (u32)
  int shared;   // an array of one ExitReports
};

// Where the kernel keeps a task's ids, in bytes from the start of its structures.
struct IdsInKernel {
  std::uint32_t credentials;  // the address of a task's credentials, in struct task_struct
  std::uint32_t ids;          // the first of eight, in struct cred
};

std::vector<bpf_insn> exit_report_program(const ExitReportMaps& maps, const std::optional<IdsInKernel>& ids);

}  // namespace behalf::tool
