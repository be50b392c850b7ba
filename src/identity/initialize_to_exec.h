// initialize(), for a process that becomes a user's program next (exec()) and lets no thread impersonate before:
// without the self-test, which tries the switches that it does not make. exec() tries its own, in the process itself.
#pragma once

namespace behalf::detail {

// Effects, errors and thread-safety: those of initialize({}), but for the self-test. Cost: about 10 system calls.
void initialize_to_exec();

}  // namespace behalf::detail
