// The seccomp filter that stops a tracee at the system calls of the table, and at nothing else.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace behalf::tool {

// Built once by the tracer; a bitmap over the call numbers, and for calls that matter only with certain arguments
// (prctl, write) a look at those. Calls of a foreign architecture are always stopped at.
// With `handoffs`, also at the calls by which threads hand work to each other, which costs a stop at every read.
std::vector<sock_filter> make_filter(bool handoffs = false);

// Installs the filter on the calling thread, without NO_NEW_PRIVS (which would defuse set-user-ID programs and falsify
// the oracle): needs CAP_SYS_ADMIN. Returns 0 or errno. Async-signal-safe.
int install_filter(const std::vector<sock_filter>& filter);

}  // namespace behalf::tool
