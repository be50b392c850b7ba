// behalf explain: what a code means, or what goes wrong with an operation of the catalogue.
#pragma once

#include <string>

#include "report/report.h"

namespace behalf::tool {

// The page of a code, or an operation's row with its cure. All codes where `subject` is empty. Throws UsageError, with
// the nearest name, for what is neither.
std::string explanation(const std::string& subject, const Style& style);

}  // namespace behalf::tool
