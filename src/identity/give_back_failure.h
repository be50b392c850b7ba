// The one place where the library ends the process.
#pragma once

#include "identity/credentials.h"
#include "identity/token_data.h"

namespace behalf::detail {

// `to` is what the thread should have become again, where that is known.
[[noreturn]] void cannot_give_back(const TokenData* to, const Failure& failure) noexcept;

}  // namespace behalf::detail
