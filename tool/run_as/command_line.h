// What is written after `behalf run-as`.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "run_as/run_as.h"

namespace behalf::tool {

// Says what is wrong with it.
struct RunAsUsage : std::runtime_error {
  using runtime_error::runtime_error;
};

// Of the words from `run-as` on. Without value where help is asked for. All that follows the user is the command's.
std::optional<RunAs> read_run_as(int argc, char** argv);

extern const char* const run_as_help;

}  // namespace behalf::tool
