// Whether what is kept was opened by this process, or by the one that it was forked from.
#pragma once

namespace behalf::detail {

// Another number in each child of a fork(2) than in its parent, from the first call on. No system call.
unsigned forks() noexcept;

}  // namespace behalf::detail
