// The one place where the library ends the process.
#pragma once

#include "identity/credentials.h"
#include "identity/token_data.h"

namespace behalf::detail {

// Tells the handler of initialize(), or standard error, and ends the process with status 70.
[[noreturn]] void end_process(const char* line) noexcept;

// `to` is what the thread should have become again, where that is known.
[[noreturn]] void cannot_give_back(const TokenData* to, const Failure& failure) noexcept;

}  // namespace behalf::detail
