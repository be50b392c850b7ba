// The shared object that a user names, looked at before anything is run, so that what is wrong with it is said in one
// line.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "call/prototype.h"

namespace behalf::tool {

// Bad input: what, where, why, what to do, in one line.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// This machine cannot do it: what is missing and how to get it.
class MachineError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The file behind a path or a library's name (as dlopen(3) would find it). Throws UsageError.
std::string find_library(const std::string& named);

// Throws UsageError unless the file is a shared object for this machine that exports the function.
void check_exports(const std::string& library, const std::string& function);

// Throws UsageError unless everybody may read the file: the oracle loads it as an ordinary user.
void check_readable_by_all(const std::string& library);

// An operation or a set-up call as it was written. Throws UsageError that names the column.
Prototype read_call(const std::string& written);

}  // namespace behalf::tool
