// How the library words its errors: attempted, on what, as whom, errno in words, what to do.
#pragma once

#include <string>

#include "behalf/error.h"
#include "identity/credentials.h"
#include "identity/token_data.h"

namespace behalf::detail {

// "alice (uid 3001, gid 3001)", "uid 3001, gid 3001", "the service (uid 0, gid 0)".
std::string describe(const TokenData& token);

// "r/e/s/fs 0/3001/0/3001".
std::string describe(const Ids& ids);

// errno in words, without the locale's or another thread's doing.
std::string error_words(int error_number);

// What kind of reason an errno is, where the caller knows no better: not_there, not_permitted, out_of_resources, or
// platform.
Error::Reason reason_of(int error_number) noexcept;

// The exception for a system call that failed or lied while putting a token on.
Error switch_error(const TokenData& from, const TokenData& to, const Failure& failure);

// One line about a thread that could not be given back, without allocating; at most `size` bytes with its end.
void describe_stranded(char* line, std::size_t size, const TokenData* to, const Failure& failure) noexcept;

}  // namespace behalf::detail
